// Sockets.

package world

// Socket is a socket that has no peer, or whose peer is in the process too.
type Socket struct {
	Family, Type, Protocol int
	Ino                    uint64
	Mode                   uint32 // of its inode
	UID, GID               uint32

	// Local and Remote are struct sockaddr as getsockname(2) and
	// getpeername(2) return them, nil if unbound or unconnected. Remote is
	// there for what a datagram socket is connected to that is not in the
	// process, for a unix socket whose peer is closed, and for a connection of TCP.
	Local, Remote Bytes
	// File is the file at Local, nil if there is none any more that leads to
	// this socket.
	File *SocketFile `json:",omitempty"`

	Listening bool
	Backlog   int
	// Waiting are the inodes of unix sockets that have connected to one that listens,
	// which has not accepted them: in order, and all of them in the processes.
	Waiting []uint64 `json:",omitempty"`

	// Peer is the inode of the socket at the other end, which is in the
	// processes too, or 0.
	Peer uint64
	// TCP is there for a TCP connection to Peer, which is at Remote, or to somebody
	// else.
	TCP *TCP `json:",omitempty"`
	// Orphan is set if it is a unix socket that was connected, and the other
	// end is closed.
	Orphan bool `json:",omitempty"`
	// Reset is set if that one had not read everything, which is still to be
	// told: ECONNRESET.
	Reset bool `json:",omitempty"`
	// Shutdown says which directions are closed: 1 reading, 2 writing.
	Shutdown int
	// Creator is who made the connection or, of one that listens, made it do
	// that: SO_PEERCRED of unix(7).
	Creator *Creator `json:",omitempty"`

	Options []SockOpt
	Groups  []Membership `json:",omitempty"`
	// Queue is what a unix socket has received and not yet read, in order.
	Queue []Message
}

// TCP is one end of a connection.
type TCP struct {
	// MSS is the most that is sent in one segment, with its time stamp.
	MSS int
	// Received is what it has received and not yet given out, and Sent what it
	// has sent and the other end has not received: indices in Contents, or
	// NoIndex if that is nothing.
	Received, Sent int
	// Far is there if the other end is not in the processes.
	Far *FarEnd `json:",omitempty"`
}

// FarEnd is what the other end of a connection goes by. Of that, Sent is all that it has
// not acknowledged, and MSS what both have agreed on.
type FarEnd struct {
	// SentFrom and ReceivedFrom are the sequence numbers of the first bytes of Sent
	// and Received, and Unsent is how much of Sent, at its end, has not left yet.
	SentFrom, ReceivedFrom uint32
	Unsent                 int
	// Ended is set if it has closed its direction, and that has been heard.
	Ended bool `json:",omitempty"`
	// Options are TCPI_OPT_ of linux/tcp.h, SendScale and ReceiveScale the scales of
	// windows, Window struct tcp_repair_window, and Timestamp TCP_TIMESTAMP.
	Options                 int
	SendScale, ReceiveScale int
	Window                  Bytes
	Timestamp               uint32
}

// SocketFile is the file that a unix socket is bound to.
type SocketFile struct {
	Mode     uint32
	UID, GID uint32
}

// Creator is a user and group, and the process that was it: an index in World.Tasks.
// If that is none of them, it is one that has the socket.
type Creator struct {
	UID, GID uint32
	Task     int `json:",omitempty"`
}

// Message is what was sent at once or, to a stream, one after the other by the
// same sender.
type Message struct {
	Content int  // index in Contents, or NoIndex if it is empty
	Stream  bool `json:",omitempty"` // it has no end, but what follows may join it
	// From is the address of a sender that has one: struct sockaddr.
	From Bytes `json:",omitempty"`
	// Cred are the credentials that came with it.
	Cred *Creator `json:",omitempty"`
	// Rights are the descriptors that came with it, of which no process may have the open
	// file but so: indices in Open.
	Rights []int `json:",omitempty"`
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
