// Multicast groups and their sources.

package sys

import (
	"encoding/binary"
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Protocol-independent multicast, RFC 3678: include/uapi/linux/in.h.
const (
	msFilter       = 48  // MCAST_MSFILTER
	storage        = 128 // struct sockaddr_storage, aligned to 8
	filterHeader   = 8 + storage + 8
	maxSources     = 1024
	excludeSources = 0 // MCAST_EXCLUDE
)

// MulticastFilter tells of a socket whether it is a member of a group on an
// interface, and then which sources it wants to hear, or, with exclude, not to.
func MulticastFilter(fd, level, index int, group []byte) (exclude bool, sources [][]byte, ok bool, err error) {
	for room := 0; ; room = maxSources {
		// struct group_filter: interface, group, mode, number of sources, sources
		b := make([]byte, filterHeader+room*storage)
		ne := binary.NativeEndian
		ne.PutUint32(b, uint32(index))
		copy(b[8:], group)
		ne.PutUint32(b[8+storage+4:], uint32(room))
		size := uint32(len(b))
		_, _, e := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), msFilter,
			uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		// It is no member; the interface is gone; the kernel has no multicast.
		case e == unix.EADDRNOTAVAIL || e == unix.ENODEV || e == unix.ENOPROTOOPT:
			return false, nil, false, nil
		case e != 0:
			return false, nil, false, e
		}
		n := int(ne.Uint32(b[8+storage+4:]))
		if n > maxSources {
			return false, nil, false, errors.New("it has more sources than can be read")
		}
		if n > room {
			continue
		}
		for i := range n {
			sources = append(sources, b[filterHeader+i*storage:][:addressSize(group)])
		}
		return ne.Uint32(b[8+storage:]) == excludeSources, sources, true, nil
	}
}

// JoinGroup makes a socket a member of a group (MCAST_JOIN_GROUP).
func JoinGroup(fd, level, index int, group []byte) error {
	return Setsockopt(fd, level, unix.MCAST_JOIN_GROUP, groupRequest(index, group))
}

// BlockSource and JoinSource say which sources of a group a socket does not
// want to hear, and which it does (MCAST_BLOCK_SOURCE, MCAST_JOIN_SOURCE_GROUP).
func BlockSource(fd, level, index int, group, source []byte) error {
	return Setsockopt(fd, level, unix.MCAST_BLOCK_SOURCE, groupRequest(index, group, source))
}

func JoinSource(fd, level, index int, group, source []byte) error {
	return Setsockopt(fd, level, unix.MCAST_JOIN_SOURCE_GROUP, groupRequest(index, group, source))
}

// groupRequest is struct group_req, or group_source_req.
func groupRequest(index int, addresses ...[]byte) []byte {
	b := binary.NativeEndian.AppendUint64(nil, uint64(uint32(index)))
	for _, a := range addresses {
		b = append(b, a...)
		b = append(b, make([]byte, max(storage-len(a), 0))...)
	}
	return b
}

// addressSize is that of struct sockaddr_in, or sockaddr_in6.
func addressSize(address []byte) int {
	if binary.NativeEndian.Uint16(address) == unix.AF_INET {
		return unix.SizeofSockaddrInet4
	}
	return unix.SizeofSockaddrInet6
}
