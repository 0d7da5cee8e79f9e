// What Linux tells of TCP connections to those who ask it as root.

package sys

import (
	"golang.org/x/sys/unix"
)

// The queues of TCP_REPAIR_QUEUE: enum in include/uapi/linux/tcp.h.
const tcpNoQueue, tcpSendQueue = 0, 2

// The values of TCP_REPAIR: the last of them leaves without a window probe.
const tcpRepairOn, tcpRepairOff = 1, -1

// EndRepair ends TCP_REPAIR, which has taken SO_REUSEADDR away (net/ipv4/tcp.c:
// do_tcp_setsockopt).
func EndRepair(fd, reuse int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, tcpRepairOff); err != nil {
		return err
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, reuse)
}

// BeginRepair has a connection be looked at, until EndRepair. It takes
// CAP_NET_ADMIN.
func BeginRepair(fd int) error {
	return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, tcpRepairOn)
}

// PeekUnacked copies what a connection under repair has sent and the other end has not
// acknowledged.
func PeekUnacked(fd int, b []byte) (n int, err error) {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR_QUEUE, tcpSendQueue); err != nil {
		return 0, err
	}
	n, _, err = unix.Recvfrom(fd, b, unix.MSG_PEEK|unix.MSG_DONTWAIT)
	// As long as that queue is chosen, what is to be sent counts as sent.
	if e := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR_QUEUE, tcpNoQueue); err == nil {
		err = e
	}
	return n, err
}
