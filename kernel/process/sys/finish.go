// The end of what the other end of a TCP connection sends, once more.

package sys

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// SendFinish has a connection of this host, whose address is to, receive the FIN of its
// other end, from, which has sent that before and never will again: with its sequence
// number, and an acknowledgement (RFC 9293, 3.1). It comes by the loopback device, and
// takes CAP_NET_RAW (raw(7)).
func SendFinish(from, to netip.AddrPort, number, acknowledged uint32) error {
	segment := finish(from, to, number, acknowledged)
	family, header := unix.AF_INET6, ip6Header(from.Addr(), to.Addr(), len(segment))
	zone, _ := strconv.ParseUint(to.Addr().Zone(), 10, 32) // none is 0
	var address unix.Sockaddr = &unix.SockaddrInet6{Addr: to.Addr().As16(), ZoneId: uint32(zone)}
	if to.Addr().Is4() {
		family, header = unix.AF_INET, ip4Header(from.Addr(), to.Addr(), len(segment))
		address = &unix.SockaddrInet4{Addr: to.Addr().As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return fmt.Errorf("raw socket: %w", err)
	}
	defer unix.Close(fd)
	return unix.Sendto(fd, append(header, segment...), 0, address)
}

// finish is a TCP header, of a segment without more.
func finish(from, to netip.AddrPort, number, acknowledged uint32) []byte {
	const words, fin, ack, window = 5, 1, 1 << 4, 1 << 15
	b := make([]byte, 0, 4*words)
	be := binary.BigEndian
	b = be.AppendUint16(b, from.Port())
	b = be.AppendUint16(b, to.Port())
	b = be.AppendUint32(b, number)
	b = be.AppendUint32(b, acknowledged)
	b = append(b, words<<4, fin|ack)
	b = be.AppendUint16(b, window)
	b = be.AppendUint32(b, 0) // the checksum, and no urgent pointer
	pseudo := append(from.Addr().AsSlice(), to.Addr().AsSlice()...)
	pseudo = append(pseudo, 0, unix.IPPROTO_TCP, 0, byte(len(b)))
	be.PutUint16(b[16:], checksum(append(pseudo, b...)))
	return b
}

// checksum is that of the Internet (RFC 1071), of an even number of bytes.
func checksum(b []byte) uint16 {
	sum := uint32(0)
	for ; len(b) > 0; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

const hops = 64

// ip4Header is an IPv4 header (RFC 791). The kernel fills in what is 0.
func ip4Header(from, to netip.Addr, size int) []byte {
	const words = 5
	b := []byte{4<<4 | words, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(4*words+size))
	b = append(b, 0, 0, 0, 0, hops, unix.IPPROTO_TCP, 0, 0)
	return append(append(b, from.AsSlice()...), to.AsSlice()...)
}

// ip6Header is an IPv6 header (RFC 8200).
func ip6Header(from, to netip.Addr, size int) []byte {
	b := []byte{6 << 4, 0, 0, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(size))
	b = append(b, unix.IPPROTO_TCP, hops)
	return append(append(b, from.AsSlice()...), to.AsSlice()...)
}
