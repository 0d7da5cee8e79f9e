package restore

// This file makes sockets: unbound, bound and listening ones, and pairs both
// of whose ends the process has.

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/image"
	"snappipe/kernel/process/sys"
)

func (p *process) openSockets() error {
	for i := range p.img.Open {
		o := &p.img.Open[i]
		if o.Kind != image.KindSocket || p.files[i].fd >= 0 {
			continue
		}
		var err error
		switch peer := p.peerOf(o); {
		case peer >= 0:
			err = p.openPair(i, peer)
		case o.Socket.Orphan:
			err = p.openOrphan(i)
		default:
			err = p.openSocket(i)
		}
		if err != nil {
			var refusal *kernel.Refusal
			if errors.As(err, &refusal) {
				return err
			}
			return fmt.Errorf("%s: %w", p.name(o), err)
		}
	}
	if err := p.fillSockets(); err != nil {
		return err
	}
	return p.finishSockets()
}

// peerOf is the index of the open file at the other end, or -1.
func (p *process) peerOf(o *image.OpenFile) int {
	if o.Socket.Peer == 0 {
		return -1
	}
	for i := range p.img.Open {
		s := p.img.Open[i].Socket
		if s != nil && s.Ino == o.Socket.Peer && s.Ino != o.Socket.Ino && s.Type == o.Socket.Type {
			return i
		}
	}
	return -1
}

// openPair makes two sockets that are connected to each other.
func (p *process) openPair(i, j int) error {
	a := p.img.Open[i].Socket
	pair, err := unix.Socketpair(a.Family, a.Type|unix.SOCK_CLOEXEC, a.Protocol)
	if err != nil {
		return fmt.Errorf("socketpair: %w", err)
	}
	p.files[i].close()
	p.files[j].close()
	p.files[i], p.files[j] = openFile{fd: pair[0]}, openFile{fd: pair[1]}
	return errors.Join(p.setOptions(pair[0], &p.img.Open[i]), p.setOptions(pair[1], &p.img.Open[j]))
}

// openOrphan makes a socket whose peer has sent what is still to be read, and
// is gone.
func (p *process) openOrphan(i int) error {
	s := p.img.Open[i].Socket
	pair, err := unix.Socketpair(s.Family, s.Type|unix.SOCK_CLOEXEC, s.Protocol)
	if err != nil {
		return fmt.Errorf("socketpair: %w", err)
	}
	p.files[i] = openFile{fd: pair[0]}
	err = errors.Join(p.setOptions(pair[0], &p.img.Open[i]), p.send(pair[1], s.Queue))
	return errors.Join(err, unix.Close(pair[1]))
}

func (p *process) openSocket(i int) error {
	s := p.img.Open[i].Socket
	fd, err := unix.Socket(s.Family, s.Type|unix.SOCK_CLOEXEC, s.Protocol)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	p.files[i] = openFile{fd: fd}
	if err := p.setOptions(fd, &p.img.Open[i]); err != nil {
		return err
	}
	if len(s.Local) > 0 {
		if err := p.bind(fd, s); err != nil {
			return err
		}
	}
	if err := p.joinGroups(fd, &p.img.Open[i]); err != nil {
		return err
	}
	if s.Listening {
		return unix.Listen(fd, s.Backlog)
	}
	if len(s.Remote) > 0 {
		if err := sys.Connect(fd, s.Remote); err != nil {
			return fmt.Errorf("connecting it: %w", err)
		}
	}
	return nil
}

// bind gives a socket its address. Connections of the program's previous life
// may keep a TCP port in TIME_WAIT, which only SO_REUSEADDR gets past.
func (p *process) bind(fd int, s *image.Socket) error {
	if path := image.SocketPath(s.Local); path != "" {
		return p.bindPath(fd, s, path)
	}
	stream := s.Family != unix.AF_UNIX && s.Type == unix.SOCK_STREAM
	var reuse int
	var err error
	if stream {
		if reuse, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR); err != nil {
			return err
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return err
		}
	}
	if err := sys.Bind(fd, s.Local); err != nil {
		return kernel.Refuse("address "+image.AddressText(s.Local), "end the program that has it; a connection may keep it for a minute more", "%v", err)
	}
	if stream {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, reuse)
	}
	return nil
}

// bindPath binds a unix socket to its path. The file that the program left
// there when it ended is replaced; if the resume fails, or this process is
// killed, a file that leads to no socket is there again.
func (p *process) bindPath(fd int, s *image.Socket, path string) error {
	there := path
	if !filepath.IsAbs(path) {
		there = filepath.Join(string(p.img.Process.Cwd), path)
	}
	switch st, err := os.Lstat(there); {
	case err != nil: // free
		p.onAbort(func() error { return ignore(os.Remove(there), unix.ENOENT) })
	case s.Unlinked || st.Mode().Type() != os.ModeSocket || inUse(there, s.Type):
		return kernel.Refuse("unix socket "+path, "remove it, or end the program that has it", "its path is taken")
	default:
		if err := os.Remove(there); err != nil {
			return err
		}
	}
	if err := p.bindIn(fd, s); err != nil {
		return kernel.Refuse("unix socket "+path, "", "binding it: %v", err)
	}
	if s.Unlinked {
		return os.Remove(there)
	}
	if err := os.Chmod(there, os.FileMode(s.Mode)); err != nil {
		return err
	}
	return p.tolerate("owner of "+path, os.Lchown(there, int(s.UID), int(s.GID)))
}

// bindIn binds to an address as it was given, which may be a path from the
// program's working directory: getsockname(2) shows it like that.
func (p *process) bindIn(fd int, s *image.Socket) error {
	path := image.SocketPath(s.Local)
	if filepath.IsAbs(path) {
		return sys.Bind(fd, s.Local)
	}
	// Only this thread's working directory: that is not shared after unshare(2),
	// and the tracing thread runs nothing else.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	before, err := os.Open(".")
	if err != nil {
		return err
	}
	defer before.Close()
	if err := unix.Chdir(string(p.img.Process.Cwd)); err != nil {
		return err
	}
	return errors.Join(sys.Bind(fd, s.Local), unix.Fchdir(int(before.Fd())))
}

// inUse reports whether a program has a socket open at a path.
func inUse(path string, kind int) bool {
	fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return true
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrUnix{Name: path}) != unix.ECONNREFUSED
}

// fillSockets sends sockets of pairs what they had received, through their
// peers, and then closes the directions that were closed.
func (p *process) fillSockets() error {
	for i := range p.img.Open {
		o := &p.img.Open[i]
		if o.Kind != image.KindSocket || len(o.Socket.Queue) == 0 || o.Socket.Orphan {
			continue
		}
		peer := p.peerOf(o)
		if peer < 0 {
			p.options.Warn("dropped: what waited in " + p.name(o))
			continue
		}
		if err := p.send(p.files[peer].fd, o.Socket.Queue); err != nil {
			return fmt.Errorf("filling %s: %w", p.name(o), err)
		}
	}
	for i := range p.img.Open {
		s := p.img.Open[i].Socket
		if s == nil || s.Shutdown == 0 || p.files[i].lent {
			continue
		}
		how := map[int]int{1: unix.SHUT_RD, 2: unix.SHUT_WR, 3: unix.SHUT_RDWR}[s.Shutdown]
		if err := unix.Shutdown(p.files[i].fd, how); ignore(err, unix.ENOTCONN) != nil {
			return fmt.Errorf("%s: shutdown: %w", p.name(&p.img.Open[i]), err)
		}
	}
	return nil
}

func (p *process) send(fd int, queue []int) error {
	for _, c := range queue {
		b, err := p.content(c, maxPipe)
		if err != nil {
			return err
		}
		if err := unix.Sendto(fd, b, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil); err != nil {
			return fmt.Errorf("%d bytes: %w", len(b), err)
		}
	}
	return nil
}
