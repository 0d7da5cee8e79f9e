// Addresses of sockets: struct sockaddr of bind(2), as the kernel lays it out.

package world

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// SocketPath is the path in a struct sockaddr_un, or "" for other addresses,
// abstract names among them.
func SocketPath(sa []byte) string {
	if len(sa) <= 2 || le.Uint16(sa) != unix.AF_UNIX || sa[2] == 0 {
		return ""
	}
	path, _, _ := bytes.Cut(sa[2:], []byte{0})
	return string(path)
}

// IsBound reports whether what getsockname(2) returned is an address at all: a
// port, or a name.
func IsBound(sa []byte) bool {
	if len(sa) < 2 {
		return false
	}
	if le.Uint16(sa) == unix.AF_UNIX {
		return len(sa) > 2
	}
	return len(bytes.Trim(sa[2:], "\x00")) > 0
}

// InetAddress is a struct sockaddr_in or sockaddr_in6, of which one that is mapped to
// IPv4 is that. Of anything else it returns none that is valid.
func InetAddress(sa []byte) netip.AddrPort {
	if len(sa) < unix.SizeofSockaddrInet4 {
		return netip.AddrPort{}
	}
	port := uint16(sa[2])<<8 | uint16(sa[3])
	switch family := le.Uint16(sa); {
	case family == unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(sa[4:8])), port)
	case family == unix.AF_INET6 && len(sa) >= unix.SizeofSockaddrInet6:
		addr := netip.AddrFrom16([16]byte(sa[8:24]))
		if scope := le.Uint32(sa[24:]); scope != 0 {
			addr = addr.WithZone(strconv.FormatUint(uint64(scope), 10))
		}
		return netip.AddrPortFrom(addr.Unmap(), port)
	}
	return netip.AddrPort{}
}

// AddressText shows a struct sockaddr to people.
func AddressText(sa []byte) string {
	if len(sa) < 2 {
		return "an unknown address"
	}
	if le.Uint16(sa) == unix.AF_UNIX {
		if path := SocketPath(sa); path != "" || len(sa) == 2 {
			return path
		}
		return "@" + strings.ToValidUTF8(string(sa[3:]), "\ufffd") // unix(7): abstract
	}
	if a := InetAddress(sa); a.IsValid() {
		return a.String()
	}
	return fmt.Sprintf("an address of family %d", le.Uint16(sa))
}
