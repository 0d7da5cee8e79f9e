// What sock_diag(7) tells of unix sockets.

package sys

import (
	"encoding/binary"
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// UnixInfo is what sock_diag(7) tells of a unix socket.
type UnixInfo struct {
	// Connected is set if it is, or was, connected to one other; Peer is the
	// inode of that, or 0 if it is in nobody's hands.
	Connected bool
	Peer      uint64
	Shutdown  int // 1 for reading, 2 for writing
	// Of one that listens: how many connections it has not accepted, and how
	// many may wait.
	Waiting, Backlog int
	// FileIno is the lower half of the number of the inode that it is bound
	// to, and HasFile tells whether there is one.
	FileIno uint32
	HasFile bool

	waiting []uint64 // only if it was asked for
}

// UnixDiag asks about the sockets of a network namespace. To find one, the kernel
// looks at all that there are (net/unix/diag.c: unix_lookup_by_ino), so that for
// more than a few it is asked for all of them at once.
type UnixDiag struct {
	fd    int
	asked int
	all   map[uint32]UnixInfo
	buf   []byte
}

// few is how many sockets are asked for one by one.
const few = 16

// OpenUnixDiag opens it for the namespace of the caller.
func OpenUnixDiag() (*UnixDiag, error) {
	fd, err := openSockDiag()
	if err != nil {
		return nil, err
	}
	return &UnixDiag{fd: fd, buf: make([]byte, 32<<10)}, nil
}

// Close closes it.
func (d *UnixDiag) Close() error { return unix.Close(d.fd) }

// unixDiagReq is a netlink header and struct unix_diag_req.
type unixDiagReq struct {
	unix.NlMsghdr
	family, protocol uint8
	_                uint16
	states, ino      uint32
	show             uint32
	cookie           [2]uint32
}

// include/uapi/linux/unix_diag.h
const (
	showFile     = 2
	showPeer     = 4
	showIcons    = 8
	showRqlen    = 16
	attrFile     = 1
	attrPeer     = 2
	attrIcons    = 3
	attrRqlen    = 4
	attrShutdown = 6
)

// Ask returns what is known of a socket. ENOENT means that this kernel tells
// nothing of unix sockets, or that there is no such socket.
func (d *UnixDiag) Ask(ino uint64) (UnixInfo, error) {
	if d.asked++; d.asked == few {
		if err := d.list(); err != nil {
			return UnixInfo{}, err
		}
	}
	// One may be missing where others came and went while they were listed.
	if info, ok := d.all[uint32(ino)]; ok {
		return info, nil
	}
	return d.askOne(ino, showOften)
}

// Waiting returns the inodes of the sockets whose connections a socket has not accepted, in
// order; 0 for one that is closed. EMSGSIZE means that they are too many to be told of.
func (d *UnixDiag) Waiting(ino uint64) ([]uint64, error) {
	info, err := d.askOne(ino, showIcons)
	return info.waiting, err
}

func (d *UnixDiag) askOne(ino uint64, show uint32) (UnixInfo, error) {
	if err := d.request(uint32(ino), show, 0); err != nil {
		return UnixInfo{}, err
	}
	n, _, err := unix.Recvfrom(d.fd, d.buf, 0)
	if err != nil {
		return UnixInfo{}, err
	}
	return parseUnixDiag(d.buf[:n])
}

// showOften is what is asked of every socket.
const showOften = showFile | showPeer | showRqlen

func (d *UnixDiag) request(ino, show uint32, flags uint16) error {
	req := unixDiagReq{
		family: unix.AF_UNIX, states: ^uint32(0), ino: ino,
		show: show, cookie: noCookie,
	}
	req.NlMsghdr = unix.NlMsghdr{Len: uint32(unsafe.Sizeof(req)), Type: sockDiagByFamily, Flags: unix.NLM_F_REQUEST | flags}
	return sendSockDiag(d.fd, unsafe.Slice((*byte)(unsafe.Pointer(&req)), unsafe.Sizeof(req)))
}

// list asks for all sockets.
func (d *UnixDiag) list() error {
	d.all = map[uint32]UnixInfo{}
	if err := d.request(0, showOften, unix.NLM_F_DUMP); err != nil {
		return err
	}
	for {
		n, _, err := unix.Recvfrom(d.fd, d.buf, 0)
		if err != nil {
			return err
		}
		done, err := d.add(d.buf[:n])
		if done || err != nil {
			return err
		}
	}
}

// add takes some of the answers, each in a message of its own, and reports
// whether these were the last.
func (d *UnixDiag) add(b []byte) (done bool, err error) {
	le := binary.NativeEndian
	for len(b) >= unix.SizeofNlMsghdr {
		size := int(le.Uint32(b))
		if size < unix.SizeofNlMsghdr || size > len(b) {
			return false, errors.New("the kernel's answer is cut off")
		}
		if le.Uint16(b[4:]) == unix.NLMSG_DONE {
			return true, nil
		}
		info, err := parseUnixDiag(b[:size])
		if err != nil {
			return false, err
		}
		const ino = unix.SizeofNlMsghdr + 4
		d.all[le.Uint32(b[ino:])] = info
		b = b[min((size+3)&^3, len(b)):]
	}
	return false, nil
}

// parseUnixDiag parses the answer: a netlink header, struct unix_diag_msg of 16
// bytes, and attributes; or an error.
func parseUnixDiag(b []byte) (info UnixInfo, err error) {
	le := binary.NativeEndian
	const headers = unix.SizeofNlMsghdr + 16
	if err := checkSockDiag(b, headers); err != nil {
		return info, err
	}
	const state, established, listening = unix.SizeofNlMsghdr + 2, 1, 10 // TCP_ESTABLISHED, TCP_LISTEN
	info.Connected = b[state] == established
	listens := b[state] == listening
	for b = b[headers:]; len(b) >= unix.SizeofRtAttr; {
		size, kind := int(le.Uint16(b)), le.Uint16(b[2:])
		if size < unix.SizeofRtAttr || size > len(b) {
			break
		}
		switch v := b[unix.SizeofRtAttr:size]; {
		case kind == attrFile && len(v) >= 4:
			info.FileIno, info.HasFile = le.Uint32(v), true
		case kind == attrPeer && len(v) >= 4:
			info.Peer = uint64(le.Uint32(v))
		case kind == attrIcons:
			for ; len(v) >= 4; v = v[4:] {
				info.waiting = append(info.waiting, uint64(le.Uint32(v)))
			}
		case kind == attrRqlen && len(v) >= 8 && listens:
			info.Waiting, info.Backlog = int(le.Uint32(v)), int(le.Uint32(v[4:]))
		case kind == attrShutdown && len(v) >= 1:
			info.Shutdown = int(v[0])
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return info, nil
}
