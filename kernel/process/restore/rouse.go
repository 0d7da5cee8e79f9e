// This file makes files ready for something, for a moment, that are not: for an
// epoll watch to tell of.

package restore

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// rouse makes what is watched ready. calm makes it what it was.
func (p *process) rouse(w world.Watch) (calm func() error, err error) {
	o, fd := &p.img.Open[w.Open], p.files[w.Open].fd
	switch {
	case o.Kind == world.KindPipe && o.Flags&unix.O_ACCMODE == unix.O_WRONLY:
		return rouseFullPipe(fd)
	case o.Kind == world.KindPipe:
		return rouseEmptyPipe(fd)
	case o.Kind == world.KindTimerFD:
		return p.rouseTimer(fd, o.TimerFD)
	case o.Kind == world.KindSignalFD:
		return p.stub.rouseSignals(uint64(w.FD), uint64(o.SignalFD.Mask))
	case o.Kind == world.KindEpoll:
		return rouseSet(fd)
	case o.Kind == world.KindInotify:
		return rouseInotify(fd)
	case o.Kind == world.KindSocket && o.Socket.Listening:
		return p.rouseListener(fd, o.Socket)
	case o.Kind == world.KindSocket:
		return widen(fd) // it has no room to send
	}
	return nil, errors.ErrUnsupported
}

// rouseFullPipe gives a pipe more room.
func rouseFullPipe(fd int) (calm func() error, err error) {
	was, err := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0)
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, 2*was)
	}
	return func() error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, was)
		return err
	}, err
}

// rouseEmptyPipe writes something to a pipe that nothing is in, and takes it out.
func rouseEmptyPipe(fd int) (calm func() error, err error) {
	both, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	_, err = unix.Write(both, []byte{0})
	return func() error {
		_, err := unix.Read(both, make([]byte, 1))
		return errors.Join(err, unix.Close(both))
	}, err
}

func (p *process) rouseTimer(fd int, t *world.TimerFD) (calm func() error, err error) {
	soon := unix.ItimerSpec{Value: unix.Timespec{Nsec: 1}}
	return func() error {
		// Setting a timer forgets how often it went off.
		if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{}, nil); err != nil {
			return err
		}
		return p.setTimerFD(fd, t)
	}, unix.TimerfdSettime(fd, 0, &soon, nil)
}

// rouseSignals sends the stub, in which all signals are blocked, one that the
// signalfd waits for.
func (s *stub) rouseSignals(fd, mask uint64) (calm func() error, err error) {
	const one = uint64(unix.SIGUSR1)
	const setSize = 8
	set := words(1 << (one - 1))
	const maskArgument = 1
	wait := func(mask uint64) error {
		_, err := s.callWith(s.Caller, "signalfd", unix.SYS_SIGNALFD4, maskArgument, words(mask), fd, 0, setSize, 0)
		return err
	}
	if err := wait(1 << (one - 1)); err != nil {
		return nil, err
	}
	own, err := s.call("getpid", unix.SYS_GETPID)
	if err == nil {
		_, err = s.call("tkill", unix.SYS_TKILL, own, one)
	}
	return func() error {
		at, err := s.lay(set, words(0, 0))
		if err == nil {
			_, err = s.call("rt_sigtimedwait", unix.SYS_RT_SIGTIMEDWAIT, at[0], 0, at[1], setSize)
		}
		return errors.Join(err, wait(mask))
	}, err
}

// rouseSet adds something that is ready to an epoll set.
func rouseSet(fd int) (calm func() error, err error) {
	ready, err := unix.Eventfd(1, unix.EFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return func() error {
		return errors.Join(unix.EpollCtl(fd, unix.EPOLL_CTL_DEL, ready, nil), unix.Close(ready))
	}, unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, ready, &unix.EpollEvent{Events: unix.EPOLLIN})
}

// rouseInotify has an inotify set tell that a watch of it has ended, of a file
// that is nobody else's. A watch descriptor is used up by that.
func rouseInotify(fd int) (calm func() error, err error) {
	file, err := memfd("")
	if err != nil {
		return nil, err
	}
	defer unix.Close(file)
	wd, err := unix.InotifyAddWatch(fd, fmt.Sprintf("/proc/self/fd/%d", file), unix.IN_MODIFY)
	if err == nil {
		_, err = unix.InotifyRmWatch(fd, uint32(wd))
	}
	return func() error { return drain(fd) }, err
}

// rouseListener connects to a unix socket. (Others begin to listen later.)
func (p *process) rouseListener(fd int, s *world.Socket) (calm func() error, err error) {
	client, err := unix.Socket(s.Family, s.Type|unix.SOCK_CLOEXEC, s.Protocol)
	if err != nil {
		return nil, err
	}
	u := newUnixSockets(p)
	return func() error {
		server, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
		if err == nil {
			err = unix.Close(server)
		}
		return errors.Join(err, unix.Close(client))
	}, u.reachHere(s.Local, func(address []byte) error { return sys.Connect(client, address) })
}
