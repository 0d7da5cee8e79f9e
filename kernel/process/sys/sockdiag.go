// Asking sock_diag(7), whatever the family of sockets: include/uapi/linux/sock_diag.h.

package sys

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// sockDiagByFamily is the type of all requests.
const sockDiagByFamily = 20

// noCookie asks for a socket whatever its cookie is (INET_DIAG_NOCOOKIE).
var noCookie = [2]uint32{^uint32(0), ^uint32(0)}

// openSockDiag opens it for the network namespace of the caller.
func openSockDiag() (fd int, err error) {
	fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return -1, fmt.Errorf("opening a socket of sock_diag: %w", err)
	}
	return fd, nil
}

// sendSockDiag sends a request, which begins with a netlink header.
func sendSockDiag(fd int, request []byte) error {
	return unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// checkSockDiag returns the error that an answer is, or one if it has less than so many
// bytes.
func checkSockDiag(b []byte, least int) error {
	le := binary.NativeEndian
	if len(b) >= unix.SizeofNlMsghdr+4 && le.Uint16(b[4:]) == unix.NLMSG_ERROR {
		return unix.Errno(-int32(le.Uint32(b[unix.SizeofNlMsghdr:])))
	}
	if len(b) < least {
		return errors.New("the kernel's answer is too short")
	}
	return nil
}
