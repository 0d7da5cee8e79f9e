// Sockets.

package image

// Socket is a socket that has no peer, or whose peer is in the process too.
type Socket struct {
	Family, Type, Protocol int
	Ino                    uint64

	// Local and Remote are struct sockaddr as getsockname(2) and
	// getpeername(2) return them, nil if unbound or unconnected. Remote is
	// there for a datagram socket with a default destination only.
	Local, Remote Bytes
	// Unlinked is set if Local is a path in the filesystem that no longer
	// leads to this socket.
	Unlinked bool
	// Mode, UID and GID are those of the socket file at Local.
	Mode     uint32
	UID, GID uint32

	Listening bool
	Backlog   int

	// Peer is the inode of the socket at the other end, which is in the
	// process too, or 0.
	Peer uint64
	// Orphan is set if it was connected, and the other end is closed.
	Orphan bool `json:",omitempty"`
	// Shutdown says which directions are closed: 1 reading, 2 writing.
	Shutdown int

	Options []SockOpt
	Groups  []Membership `json:",omitempty"`
	// Queue is what was received and not yet read: an index in Contents for
	// each message, in order (one for a stream).
	Queue []int
}

// Membership is in a multicast group, of which the sources in Sources are heard
// or, with Exclude, all but those. Addresses are struct sockaddr.
type Membership struct {
	Group     Bytes
	Interface Text
	Exclude   bool
	Sources   []Bytes `json:",omitempty"`
}

// SockOpt is a socket option that is not at its default.
type SockOpt struct {
	Level, Name int
	Value       Bytes
}
