// Which unix socket is connected to which: sock_diag(7) tells it, by inode.

package capture

import (
	"errors"
	"fmt"
	"unsafe"

	"snappipe/kernel"
	"snappipe/kernel/process/image"

	"golang.org/x/sys/unix"
)

// peers finds the peer of each connected unix socket, and refuses those whose
// peer is elsewhere.
func (t *fileTable) peers() error {
	mine := map[uint64]bool{}
	any := false
	for i := range t.open {
		if s := t.open[i].Socket; s != nil && s.Family == unix.AF_UNIX {
			mine[s.Ino] = true
			any = true
		}
	}
	if !any {
		return nil
	}
	// It tells of its own network namespace, which is that of the program.
	diag, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return fmt.Errorf("opening a socket of sock_diag: %w", err)
	}
	defer unix.Close(diag)
	for i := range t.open {
		d := &t.open[i]
		s := d.Socket
		if s == nil || s.Family != unix.AF_UNIX {
			continue
		}
		o := &openFile{fd: t.first[i]}
		info, err := askDiag(diag, s.Ino)
		if errors.Is(err, unix.ENOENT) { // there is no unix_diag
			if !t.connected[s.Ino] {
				continue
			}
			return kernel.Refuse(o.object("a unix socket that is connected"), "load the module unix_diag",
				"this kernel does not tell to what")
		}
		if err != nil {
			return fmt.Errorf("%s: asking for its peer: %w", o.object("a unix socket"), err)
		}
		if s.Listening {
			s.Backlog = info.backlog
			continue
		}
		s.Shutdown, s.Peer = info.shutdown, info.peer
		if err := t.checkPeer(o, d, info, mine); err != nil {
			return err
		}
	}
	return nil
}

// checkPeer refuses a connection whose other end is not the process's.
func (t *fileTable) checkPeer(o *openFile, d *image.OpenFile, info unixInfo, mine map[uint64]bool) error {
	const closed = 3 // both directions, as the end of its peer leaves a socket
	s := d.Socket
	switch {
	case s.Peer != 0 && !mine[s.Peer]:
		return t.lose(o, d, "a unix socket connected to another process", "its other end is outside of the program")
	case s.Peer != 0 || !info.connected || s.Type == unix.SOCK_DGRAM:
		return nil
	case s.Shutdown != closed:
		// What has no inode yet is in nobody's hands.
		return t.lose(o, d, "a unix socket that is connected", "the connection has not been accepted yet")
	}
	s.Orphan = true
	return nil
}

type unixInfo struct {
	peer     uint64
	backlog  int
	shutdown int
	// connected is for sockets that are connected to one other.
	connected bool
}

// unixDiagReq is a netlink header and struct unix_diag_req.
type unixDiagReq struct {
	unix.NlMsghdr
	family, protocol uint8
	_                uint16
	states, ino      uint32
	show             uint32
	cookie           [2]uint32
}

// include/uapi/linux/unix_diag.h and sock_diag.h
const (
	sockDiagByFamily = 20
	showPeer         = 4
	showRqlen        = 16
	attrPeer         = 2
	attrRqlen        = 4
	attrShutdown     = 6
)

func askDiag(fd int, ino uint64) (info unixInfo, err error) {
	req := unixDiagReq{family: unix.AF_UNIX, states: ^uint32(0), ino: uint32(ino), show: showPeer | showRqlen, cookie: [2]uint32{^uint32(0), ^uint32(0)}}
	req.NlMsghdr = unix.NlMsghdr{Len: uint32(unsafe.Sizeof(req)), Type: sockDiagByFamily, Flags: unix.NLM_F_REQUEST}
	b := unsafe.Slice((*byte)(unsafe.Pointer(&req)), unsafe.Sizeof(req))
	if err := unix.Sendto(fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return info, err
	}
	var buf [4096]byte
	n, _, err := unix.Recvfrom(fd, buf[:], 0)
	if err != nil {
		return info, err
	}
	return parseDiag(buf[:n])
}

// parseDiag parses the answer: a netlink header, struct unix_diag_msg of 16
// bytes, and attributes; or an error.
func parseDiag(b []byte) (info unixInfo, err error) {
	const headers = unix.SizeofNlMsghdr + 16
	if len(b) >= unix.SizeofNlMsghdr+4 && le.Uint16(b[4:]) == unix.NLMSG_ERROR {
		return info, unix.Errno(-int32(le.Uint32(b[unix.SizeofNlMsghdr:])))
	}
	if len(b) < headers {
		return info, errors.New("the kernel's answer is too short")
	}
	const state, established = unix.SizeofNlMsghdr + 2, 1 // TCP_ESTABLISHED
	info.connected = b[state] == established
	for b = b[headers:]; len(b) >= unix.SizeofRtAttr; {
		size, kind := int(le.Uint16(b)), le.Uint16(b[2:])
		if size < unix.SizeofRtAttr || size > len(b) {
			break
		}
		switch v := b[unix.SizeofRtAttr:size]; {
		case kind == attrPeer && len(v) >= 4:
			info.peer = uint64(le.Uint32(v))
		case kind == attrRqlen && len(v) >= 8:
			info.backlog = int(le.Uint32(v[4:]))
		case kind == attrShutdown && len(v) >= 1:
			info.shutdown = int(v[0])
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return info, nil
}
