// Socket options: those that differ from what a new socket has.

package capture

import (
	"bytes"
	"unsafe"

	"snappipe/kernel/process/image"

	"golang.org/x/sys/unix"
)

// sockOpts are the options that are kept, by the family and type they are for;
// 0 is any.
var sockOpts = []struct{ family, kind, level, name int }{
	{0, 0, unix.SOL_SOCKET, unix.SO_REUSEADDR},
	{0, 0, unix.SOL_SOCKET, unix.SO_REUSEPORT},
	{0, 0, unix.SOL_SOCKET, unix.SO_KEEPALIVE},
	{0, 0, unix.SOL_SOCKET, unix.SO_BROADCAST},
	{0, 0, unix.SOL_SOCKET, unix.SO_OOBINLINE},
	{0, 0, unix.SOL_SOCKET, unix.SO_LINGER},
	{0, 0, unix.SOL_SOCKET, unix.SO_PRIORITY},
	{0, 0, unix.SOL_SOCKET, unix.SO_RCVBUF},
	{0, 0, unix.SOL_SOCKET, unix.SO_SNDBUF},
	{0, 0, unix.SOL_SOCKET, unix.SO_RCVLOWAT},
	{0, 0, unix.SOL_SOCKET, unix.SO_RCVTIMEO},
	{0, 0, unix.SOL_SOCKET, unix.SO_SNDTIMEO},
	{0, 0, unix.SOL_SOCKET, unix.SO_PASSCRED},
	{0, 0, unix.SOL_SOCKET, unix.SO_TIMESTAMP},
	{0, 0, unix.SOL_SOCKET, unix.SO_MARK},
	{0, 0, unix.SOL_SOCKET, unix.SO_BINDTODEVICE},
	{unix.AF_INET, 0, unix.IPPROTO_IP, unix.IP_TOS},
	{unix.AF_INET, 0, unix.IPPROTO_IP, unix.IP_TTL},
	{unix.AF_INET, 0, unix.IPPROTO_IP, unix.IP_FREEBIND},
	{unix.AF_INET, 0, unix.IPPROTO_IP, unix.IP_RECVERR},
	{unix.AF_INET, 0, unix.IPPROTO_IP, unix.IP_PKTINFO},
	{unix.AF_INET, 0, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER},
	{unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_IP, unix.IP_MULTICAST_TTL},
	{unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP},
	{unix.AF_INET6, 0, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY},
	{unix.AF_INET6, 0, unix.IPPROTO_IPV6, unix.IPV6_TCLASS},
	{unix.AF_INET6, 0, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS},
	{unix.AF_INET6, 0, unix.IPPROTO_IPV6, unix.IPV6_RECVERR},
	{unix.AF_INET6, 0, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO},
	{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP, unix.TCP_NODELAY},
	{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE},
	{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL},
	{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP, unix.TCP_KEEPCNT},
	{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT},
	{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT},
	{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP, unix.TCP_FASTOPEN},
	{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP, unix.TCP_CONGESTION},
}

// options returns those of a socket that a new one would not have.
func options(fd int, s *image.Socket) []image.SockOpt {
	fresh, err := unix.Socket(s.Family, s.Type|unix.SOCK_CLOEXEC, s.Protocol)
	if err != nil {
		fresh = -1 // then all of them
	} else {
		defer unix.Close(fresh)
	}
	var all []image.SockOpt
	for _, o := range sockOpts {
		// TCP is the same over both families.
		inet := s.Family == unix.AF_INET6 && o.level == unix.IPPROTO_TCP
		if o.family != 0 && o.family != s.Family && !inet || o.kind != 0 && o.kind != s.Type {
			continue
		}
		value, err := sockOpt(fd, o.level, o.name)
		if err != nil {
			continue // a kernel that doesn't have it
		}
		if usual, err := sockOpt(fresh, o.level, o.name); err == nil && bytes.Equal(value, usual) {
			continue
		}
		all = append(all, image.SockOpt{Level: o.level, Name: o.name, Value: value})
	}
	return all
}

func sockOpt(fd, level, name int) (image.Bytes, error) {
	var b [64]byte
	size := uint32(len(b))
	_, _, e := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name),
		uintptr(unsafe.Pointer(&b)), uintptr(unsafe.Pointer(&size)), 0)
	if e != 0 {
		return nil, e
	}
	return bytes.Clone(b[:size]), nil
}
