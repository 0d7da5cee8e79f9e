// /proc/PID/fdinfo/FD: what the kernel shows of an open file; see
// proc_pid_fdinfo(5).

package proc

import (
	"strconv"
	"strings"
)

// FDInfo is what /proc/PID/fdinfo/FD says. Which of its members mean something
// depends on what the file is.
type FDInfo struct {
	Pos   int64
	Flags int    // as of open(2), O_CLOEXEC included
	Mount int    // ID of the mount that the file was opened on
	Ino   uint64 // its inode, within that; 0 if the kernel does not tell (before Linux 5.14)

	EventID        int // of an eventfd, which no other has
	EventCount     uint64
	EventSemaphore bool
	EventComplete  bool // older kernels don't say whether it is a semaphore
	SigMask        uint64

	TimerClock, TimerFlags    int
	TimerTicks                uint64
	TimerValue, TimerInterval int64 // nanoseconds
	Watches                   []EpollWatch
	Inotify                   []InotifyWatch
	Locks                     []Lock
	PID                       int  // of a pidfd
	Rights                    int  // how many descriptors a unix socket holds (SCM_RIGHTS); 0 before Linux 5.6
	NewFaults                 bool // it is a userfaultfd of which nothing was asked yet
}

// EpollWatch is a file in an epoll set: the number it had when it was added,
// and the inode that it is.
type EpollWatch struct {
	FD     int
	Events uint32
	Data   uint64
	Ino    uint64
	Dev    uint64 // as the kernel encodes it internally
}

// InotifyWatch is an inode that inotify watches.
type InotifyWatch struct {
	WD         int
	Ino        uint64
	Dev        uint64 // as the kernel encodes it internally
	Mask       uint32
	HandleType int
	Handle     string // struct file_handle's f_handle in hex
}

// Lock is a file lock held through the descriptor.
type Lock struct {
	Type       string // FLOCK, POSIX, OFDLCK, LEASE
	Write      bool
	Start, End int64 // inclusive; End -1 is the end of the file
	Breaking   bool  // a lease that is about to end
	PID        int   // who took it
}

// The types of locks that are known.
const (
	LockFlock = "FLOCK"
	LockPOSIX = "POSIX"
	LockOFD   = "OFDLCK"
	LockLease = "LEASE"
)

// Known reports whether its type is one of them.
func (l *Lock) Known() bool {
	return l.Type == LockFlock || l.Type == LockPOSIX || l.Type == LockOFD || l.Type == LockLease
}

func parseFDInfo(text string) (info FDInfo) {
	for line := range strings.Lines(text) {
		info.line(strings.TrimSuffix(line, "\n"))
	}
	return info
}

func (info *FDInfo) line(line string) {
	name, value, _ := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	switch name {
	case "pos":
		info.Pos, _ = strconv.ParseInt(value, 10, 64)
	case "flags":
		n, _ := strconv.ParseInt(value, 8, 64)
		info.Flags = int(n)
	case "mnt_id":
		info.Mount, _ = strconv.Atoi(value)
	case "ino":
		info.Ino, _ = strconv.ParseUint(value, 10, 64)
	case "eventfd-id":
		info.EventID, _ = strconv.Atoi(value)
	case "eventfd-count":
		info.EventCount, _ = strconv.ParseUint(value, 16, 64)
	case "eventfd-semaphore":
		info.EventSemaphore, info.EventComplete = value == "1", true
	case "sigmask":
		info.SigMask, _ = strconv.ParseUint(value, 16, 64)
	case "clockid":
		info.TimerClock, _ = strconv.Atoi(value)
	case "ticks":
		info.TimerTicks, _ = strconv.ParseUint(value, 10, 64)
	case "settime flags":
		n, _ := strconv.ParseInt(value, 8, 64)
		info.TimerFlags = int(n)
	case "it_value":
		info.TimerValue = timespec(value)
	case "it_interval":
		info.TimerInterval = timespec(value)
	case "tfd":
		info.Watches = append(info.Watches, parseEpoll(line))
	case "lock":
		if l, ok := parseLock(value); ok {
			info.Locks = append(info.Locks, l)
		}
	case "API": // api, features that are on, features that there are
		_, features, _ := strings.Cut(value, ":")
		info.NewFaults = strings.HasPrefix(features, "0:")
	case "scm_fds":
		info.Rights, _ = strconv.Atoi(value)
	case "Pid":
		info.PID, _ = strconv.Atoi(value)
	default:
		if strings.HasPrefix(line, "inotify ") {
			info.Inotify = append(info.Inotify, parseInotify(line))
		}
	}
}

// timespec parses "(seconds, nanoseconds)".
func timespec(s string) int64 {
	sec, nsec, _ := strings.Cut(strings.Trim(s, "()"), ",")
	a, _ := strconv.ParseInt(strings.TrimSpace(sec), 10, 64)
	b, _ := strconv.ParseInt(strings.TrimSpace(nsec), 10, 64)
	return a*1e9 + b
}

// pairs calls f for each "name:value" of a line; there may be spaces after the
// colon.
func pairs(line string, f func(name, value string)) {
	fields := strings.Fields(strings.ReplaceAll(line, ":", " "))
	for i := 0; i+1 < len(fields); i += 2 {
		f(fields[i], fields[i+1])
	}
}

func hexadecimal(s string) uint64 {
	n, _ := strconv.ParseUint(s, 16, 64)
	return n
}

// parseEpoll parses "tfd:        5 events:       19 data:  5  pos:0 ino:1f sdev:e".
func parseEpoll(line string) (w EpollWatch) {
	pairs(line, func(name, v string) {
		switch name {
		case "tfd":
			w.FD, _ = strconv.Atoi(v)
		case "events":
			w.Events = uint32(hexadecimal(v))
		case "data":
			w.Data = hexadecimal(v)
		case "ino":
			w.Ino = hexadecimal(v)
		case "sdev":
			w.Dev = hexadecimal(v)
		}
	})
	return w
}

// parseInotify parses "inotify wd:1 ino:9e sdev:800013 mask:800afce
// ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:9e0f...".
func parseInotify(line string) (w InotifyWatch) {
	pairs(strings.TrimPrefix(line, "inotify "), func(name, v string) {
		switch name {
		case "wd":
			w.WD = int(hexadecimal(v))
		case "ino":
			w.Ino = hexadecimal(v)
		case "sdev":
			w.Dev = hexadecimal(v)
		case "mask":
			w.Mask = uint32(hexadecimal(v))
		case "fhandle-type":
			w.HandleType = int(hexadecimal(v))
		case "f_handle":
			w.Handle = v
		}
	})
	return w
}

// parseLock parses "1: POSIX  ADVISORY  WRITE 359 00:13:11691 0 EOF", of
// proc_locks(5).
func parseLock(s string) (Lock, bool) {
	f := strings.Fields(s)
	if len(f) < 8 {
		return Lock{}, false
	}
	l := Lock{Type: f[1], Write: f[3] == "WRITE", End: -1, Breaking: f[1] == LockLease && f[2] != "ACTIVE"}
	l.PID, _ = strconv.Atoi(f[4])
	l.Start, _ = strconv.ParseInt(f[6], 10, 64)
	if f[7] != "EOF" {
		l.End, _ = strconv.ParseInt(f[7], 10, 64)
	}
	return l, true
}
