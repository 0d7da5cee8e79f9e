// What Linux tells of TCP connections to those who ask it as root, and lets them say.

package sys

import (
	"encoding/binary"
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The queues of TCP_REPAIR_QUEUE: enum in include/uapi/linux/tcp.h. As long as that of
// what is sent is chosen, what is to be sent counts as sent.
const (
	tcpNoQueue = iota
	TCPReceived
	TCPSent
)

// The values of TCP_REPAIR: the last of them leaves without a window probe.
const tcpRepairOn, tcpRepairOff = 1, -1

// BeginRepair has a connection be looked at or made up, until EndRepair. One that is
// closed meanwhile says nothing to the other end. It takes CAP_NET_ADMIN.
func BeginRepair(fd int) error {
	return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, tcpRepairOn)
}

// EndRepair ends it. It has taken SO_REUSEADDR away (net/ipv4/tcp.c:
// do_tcp_setsockopt).
func EndRepair(fd, reuse int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, tcpRepairOff); err != nil {
		return err
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, reuse)
}

// InQueue calls f while a queue of a connection under repair is chosen, to which
// calls to receive and send are then.
func InQueue(fd, queue int, f func() error) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR_QUEUE, queue); err != nil {
		return err
	}
	return errors.Join(f(), unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR_QUEUE, tcpNoQueue))
}

// PeekUnacked copies what a connection under repair has sent and the other end has not
// acknowledged.
func PeekUnacked(fd int, b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	err = InQueue(fd, TCPSent, func() (err error) {
		n, _, err = unix.Recvfrom(fd, b, unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return err
	})
	return n, err
}

// Sequence is the number behind what was received, or will be given to what is sent
// next, and SetSequence sets it before a connection is there.
func Sequence(fd, queue int) (number uint32, err error) {
	err = InQueue(fd, queue, func() error {
		n, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_QUEUE_SEQ)
		number = uint32(n)
		return err
	})
	return number, err
}

func SetSequence(fd, queue int, number uint32) error {
	return InQueue(fd, queue, func() error {
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_QUEUE_SEQ, int(int32(number)))
	})
}

// TCPWindowSize is the size of struct tcp_repair_window.
const TCPWindowSize = 20

// TCPWindow is TCP_REPAIR_WINDOW of a connection under repair, which is told to who asks for
// that size.
func TCPWindow(fd int) ([]byte, error) {
	b := make([]byte, TCPWindowSize)
	size := uint32(len(b))
	_, _, e := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_TCP, unix.TCP_REPAIR_WINDOW,
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(unsafe.Pointer(&size)), 0)
	if e != 0 {
		return nil, e
	}
	return b, nil
}

// LimitTCPWindow has a window be granted by the number received at most, as it has to be.
func LimitTCPWindow(window []byte, received uint32) {
	const granted = 16 // rcv_wup of struct tcp_repair_window
	if at := window[granted:]; int32(binary.NativeEndian.Uint32(at)-received) > 0 {
		binary.NativeEndian.PutUint32(at, received)
	}
}

// What two ends have agreed on: TCPI_OPT_ of include/uapi/linux/tcp.h.
const (
	TCPTimestamps = 1 << iota
	TCPSelective
	TCPScaled
)

// TCPAgreement is what they said to each other at first.
type TCPAgreement struct {
	Options                 int // of those
	SendScale, ReceiveScale int // of windows
	MSS                     int
}

// Agreement is that of a connection under repair.
func Agreement(fd int) (a TCPAgreement, err error) {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return a, err
	}
	const scales = 6 // where they are in struct tcp_info
	raw := (*[scales + 1]byte)(unsafe.Pointer(info))[scales]
	a.Options, a.SendScale, a.ReceiveScale = int(info.Options), int(raw&15), int(raw>>4)
	a.MSS, err = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG)
	return a, err
}

// Agree sets it.
func Agree(fd int, a TCPAgreement) error {
	const mss, scale, selective, timestamps = 2, 3, 4, 8 // TCPOPT_ of include/net/tcp.h
	var b []byte                                         // struct tcp_repair_opt
	add := func(code, value int) {
		b = binary.NativeEndian.AppendUint32(b, uint32(code))
		b = binary.NativeEndian.AppendUint32(b, uint32(value))
	}
	add(mss, a.MSS)
	if a.Options&TCPScaled != 0 {
		add(scale, a.SendScale|a.ReceiveScale<<16)
	}
	if a.Options&TCPSelective != 0 {
		add(selective, 0)
	}
	if a.Options&TCPTimestamps != 0 {
		add(timestamps, 0)
	}
	return Setsockopt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR_OPTIONS, b)
}
