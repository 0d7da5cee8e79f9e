// What sock_diag(7) tells of a TCP connection.

package sys

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// InetInfo is what sock_diag(7) tells of one.
type InetInfo struct {
	State  uint8
	Unread int    // bytes that it has received
	Ino    uint64 // 0 if it is in nobody's hands
}

// inetDiagID is struct inet_diag_sockid.
type inetDiagID struct {
	localPort, remotePort [2]byte
	local, remote         [16]byte
	_                     uint32
	cookie                [2]uint32
}

// inetDiagReq is a netlink header and struct inet_diag_req_v2.
type inetDiagReq struct {
	unix.NlMsghdr
	family, protocol, show, _ uint8
	states                    uint32
	id                        inetDiagID
}

// AskTCP asks the network namespace of the caller for the connection between two
// addresses, or else for who would accept it. ENOENT means that this kernel tells nothing
// of TCP, or that there is none.
func AskTCP(local, remote netip.AddrPort) (InetInfo, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return InetInfo{}, fmt.Errorf("opening a socket of sock_diag: %w", err)
	}
	defer unix.Close(fd)
	req := inetDiagReq{family: unix.AF_INET6, protocol: unix.IPPROTO_TCP, states: ^uint32(0)}
	if local.Addr().Is4() {
		req.family = unix.AF_INET
	}
	req.NlMsghdr = unix.NlMsghdr{Len: uint32(unsafe.Sizeof(req)), Type: sockDiagByFamily, Flags: unix.NLM_F_REQUEST}
	copy(req.id.local[:], local.Addr().AsSlice())
	copy(req.id.remote[:], remote.Addr().AsSlice())
	binary.BigEndian.PutUint16(req.id.localPort[:], local.Port())
	binary.BigEndian.PutUint16(req.id.remotePort[:], remote.Port())
	req.id.cookie = [2]uint32{^uint32(0), ^uint32(0)} // INET_DIAG_NOCOOKIE
	if err := unix.Sendto(fd, unsafe.Slice((*byte)(unsafe.Pointer(&req)), unsafe.Sizeof(req)), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return InetInfo{}, err
	}
	b := make([]byte, 4<<10)
	n, _, err := unix.Recvfrom(fd, b, 0)
	if err != nil {
		return InetInfo{}, err
	}
	return parseInetDiag(b[:n])
}

// parseInetDiag parses the answer: a netlink header and struct inet_diag_msg, or an error.
func parseInetDiag(b []byte) (info InetInfo, err error) {
	le := binary.NativeEndian
	const header = unix.SizeofNlMsghdr
	const state, unread, inode, end = header + 1, header + 56, header + 68, header + 72
	if len(b) >= header+4 && le.Uint16(b[4:]) == unix.NLMSG_ERROR {
		return info, unix.Errno(-int32(le.Uint32(b[header:])))
	}
	if len(b) < end {
		return info, errors.New("the kernel's answer is too short")
	}
	return InetInfo{State: b[state], Unread: int(le.Uint32(b[unread:])), Ino: uint64(le.Uint32(b[inode:]))}, nil
}
