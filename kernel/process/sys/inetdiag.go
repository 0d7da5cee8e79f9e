// What sock_diag(7) tells of a TCP connection.

package sys

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// InetInfo is what sock_diag(7) tells of one.
type InetInfo struct {
	State  uint8
	Unread int    // bytes that it has received
	Ino    uint64 // 0 if it is in nobody's hands
	// Signed is set if it has keys of TCP_MD5SIG (tcp(7)), which is told only those who
	// have CAP_NET_ADMIN.
	Signed bool
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
// addresses, or else for who would accept it; for who listens, if there is no remote one.
// ENOENT means that this kernel tells nothing of TCP, or that there is none.
func AskTCP(local, remote netip.AddrPort) (InetInfo, error) {
	fd, err := openSockDiag()
	if err != nil {
		return InetInfo{}, err
	}
	defer unix.Close(fd)
	const withInfo = 1 << 1 // without INET_DIAG_INFO, keys are not told of either
	req := inetDiagReq{family: unix.AF_INET6, protocol: unix.IPPROTO_TCP, show: withInfo, states: ^uint32(0)}
	if local.Addr().Is4() {
		req.family = unix.AF_INET
	}
	req.NlMsghdr = unix.NlMsghdr{Len: uint32(unsafe.Sizeof(req)), Type: sockDiagByFamily, Flags: unix.NLM_F_REQUEST}
	copy(req.id.local[:], local.Addr().AsSlice())
	copy(req.id.remote[:], remote.Addr().AsSlice())
	binary.BigEndian.PutUint16(req.id.localPort[:], local.Port())
	binary.BigEndian.PutUint16(req.id.remotePort[:], remote.Port())
	req.id.cookie = noCookie
	if err := sendSockDiag(fd, unsafe.Slice((*byte)(unsafe.Pointer(&req)), unsafe.Sizeof(req))); err != nil {
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
	if err := checkSockDiag(b, end); err != nil {
		return info, err
	}
	return InetInfo{
		State: b[state], Unread: int(le.Uint32(b[unread:])), Ino: uint64(le.Uint32(b[inode:])), Signed: hasAttribute(b[end:], inetDiagMD5Sig),
	}, nil
}

const inetDiagMD5Sig = 18 // INET_DIAG_MD5SIG of include/uapi/linux/inet_diag.h

// hasAttribute reports whether one of a type is among some (netlink(7)), and not empty.
func hasAttribute(b []byte, typ uint16) bool {
	le := binary.NativeEndian
	for len(b) > unix.SizeofNlAttr {
		size := int(le.Uint16(b))
		if size > unix.SizeofNlAttr && le.Uint16(b[2:]) == typ {
			return true
		}
		b = b[min(max((size+3)&^3, unix.SizeofNlAttr), len(b)):]
	}
	return false
}
