// This file hands open files to the stub: by SCM_RIGHTS (unix(7)), which works
// for every kind of file, without privilege, and into other namespaces.

package restore

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
)

// channel is a pair of sockets, one of them in the stub.
type channel struct {
	ours     *os.File
	theirs   *int // its number in the stub, and in those that share its descriptors
	borrowed bool // ours is that of another stub, which closes it
}

// newChannel returns also the stub's end, to be closed once the stub has it
// as its descriptor 0.
func newChannel() (ch *channel, theirs *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return &channel{ours: os.NewFile(uintptr(pair[0]), "channel"), theirs: new(int)}, os.NewFile(uintptr(pair[1]), "channel"), nil
}

// shared is the channel of a child of the stub, with the flags of clone(2) that it is
// made with. Its end is the same socket, so that of all only the stub that is told to
// receive gets something.
func (c *channel) shared(flags uint64) *channel {
	child := &channel{ours: c.ours, theirs: c.theirs, borrowed: true}
	if flags&unix.CLONE_FILES == 0 {
		child.part()
	}
	return child
}

// part is for a stub that leaves the descriptors that it shares with others.
func (c *channel) part() {
	n := *c.theirs
	c.theirs = &n
}

func (c *channel) close() error {
	if c.borrowed {
		return nil
	}
	return c.ours.Close()
}

// hand gives the stub a descriptor of ours and returns its number there: the
// lowest that is free. It closes on exec.
func (s *stub) hand(fd int) (int, error) {
	numbers, err := s.handAll(fd)
	if err != nil {
		return 0, err
	}
	return numbers[0], nil
}

// handAll gives it several, which come in their order.
func (s *stub) handAll(fds ...int) (numbers []int, err error) {
	const atOnce = 250 // SCM_MAX_FD, include/net/scm.h, is 253
	for some := range slices.Chunk(fds, atOnce) {
		n, err := s.handSome(some)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, n...)
	}
	return numbers, nil
}

func (s *stub) handSome(fds []int) ([]int, error) {
	// The channel may be that of other stubs too, none of which is to receive anything
	// meanwhile.
	turn := s.Turn
	s.Turn = nil
	defer func() { s.Turn = turn }()
	if err := unix.Sendmsg(int(s.channel.ours.Fd()), []byte{0}, unix.UnixRights(fds...), nil, 0); err != nil {
		return nil, fmt.Errorf("handing over a descriptor: %w", err)
	}
	control := make([]byte, unix.CmsgSpace(4*len(fds)))
	// lay aligns to 16 bytes: a byte to receive, struct iovec, the rights.
	body, vector, rights := s.scratch, s.scratch+16, s.scratch+32
	// struct msghdr: name, its length, vector, its length, control, its
	// length, flags
	header := sys.Words(0, 0, vector, 1, rights, uint64(len(control)), 0)
	at, err := s.lay([]byte{0}, sys.Words(body, 1), control, header)
	if err != nil {
		return nil, err
	}
	if _, err := s.call("receiving a descriptor", unix.SYS_RECVMSG, uint64(*s.channel.theirs), at[3], unix.MSG_CMSG_CLOEXEC); err != nil {
		return nil, err
	}
	if err := s.mem.Read(control, rights); err != nil {
		return nil, err
	}
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(messages) == 0 || len(messages[0].Data) < 4*len(fds) {
		// The kernel drops what there is no descriptor for (MSG_CTRUNC).
		return nil, fmt.Errorf("handing over a descriptor: %w", unix.EMFILE)
	}
	return unix.ParseUnixRights(&messages[0])
}
