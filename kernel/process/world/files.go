// What is open.

package world

// Table is a table of descriptors.
type Table struct{ FDs []FD } // ascending

// FD is a file descriptor.
type FD struct {
	FD          int
	Open        int // index in World.Open
	CloseOnExec bool
}

// Kind says what an open file is, and so which member of OpenFile tells more.
type Kind string

const (
	KindFile     Kind = "file"      // regular; File
	KindDir      Kind = "directory" // File
	KindPath     Kind = "path"      // opened with O_PATH; File
	KindDevice   Kind = "device"    // character device that is opened again by path; File
	KindTerminal Kind = "terminal"  // File, Terminal
	KindPty      Kind = "pty"       // the master side of a pair; File, Pty
	KindSlave    Kind = "slave"     // the other side; Slave
	KindPipe     Kind = "pipe"      // one end of Pipe; File too if it has a name
	KindEventFD  Kind = "eventfd"   // EventFD
	KindTimerFD  Kind = "timerfd"   // TimerFD
	KindSignalFD Kind = "signalfd"  // SignalFD
	KindPIDFD    Kind = "pidfd"     // PIDFD
	KindEpoll    Kind = "epoll"     // Epoll
	KindInotify  Kind = "inotify"   // Inotify
	KindSocket   Kind = "socket"    // Socket
	KindLost     Kind = "lost"      // left out; Lost
)

// OpenFile is an open file description: what several descriptors share after
// dup(2).
type OpenFile struct {
	Kind  Kind
	Flags int   // F_GETFL
	Pos   int64 // file offset
	File  int   // index in Files, or NoIndex

	// Outside is set for a pipe or socket whose other end is another process's.
	// It is on one of descriptors 0 to 2, or is the same end of the same pipe,
	// and comes back as what a resume finds there.
	Outside bool `json:",omitempty"`

	Owner Owner
	Locks []Lock `json:",omitempty"` // held by this description or, through it, the process

	Pipe     *Pipe     `json:",omitempty"`
	EventFD  *EventFD  `json:",omitempty"`
	TimerFD  *TimerFD  `json:",omitempty"`
	SignalFD *SignalFD `json:",omitempty"`
	PIDFD    *PIDFD    `json:",omitempty"`
	Epoll    *Epoll    `json:",omitempty"`
	Inotify  []Inotify `json:",omitempty"`
	Socket   *Socket   `json:",omitempty"`
	Terminal *Terminal `json:",omitempty"`
	Pty      *Pty      `json:",omitempty"`
	Slave    *Slave    `json:",omitempty"`
	Lost     *Lost     `json:",omitempty"`
}

// Lost is what was left out of the image.
type Lost struct {
	Kind LostKind
	What string // for people: "a TCP connection to 10.0.0.1:80"
}

// LostKind says what has to stand in its place.
type LostKind string

const (
	LostPipe  LostKind = "pipe"
	LostTCP4  LostKind = "tcp4" // a connection, over IPv4
	LostTCP6  LostKind = "tcp6"
	LostOther LostKind = "other"
)

// Owner is who gets the signals of a file; see fcntl(2).
type Owner struct {
	Type   int // of F_GETOWN_EX: a thread, the process, its process group
	PID    int // or 0 for nobody
	Signal int // F_GETSIG
}

// Lock is a file lock as /proc/PID/fdinfo shows it.
type Lock struct {
	Type       string // "FLOCK", "POSIX", "OFDLCK", "LEASE"
	Write      bool
	Start, End int64 // both inclusive; End -1 is the end of the file
	// Task is an index in World.Tasks: a POSIX lock is a process's.
	Task int `json:",omitempty"`
}

// Pipe is one end of a pipe or named FIFO. Both ends have the same Ino; the
// content is with the first end to read from.
type Pipe struct {
	Ino      uint64
	Capacity int
	Content  int // index in World.Contents, or NoIndex
	// Parts are those of Content, if it is more than a stream.
	Parts []Part `json:",omitempty"`

	Mode     uint32 // of its inode, if it has no name
	UID, GID uint32
}

// Part is a run of bytes in a pipe: of a stream, or a packet that is read by
// itself (O_DIRECT of pipe(2)).
type Part struct {
	Size   int
	Packet bool
}

// EventFD is an eventfd(2).
type EventFD struct {
	Count     uint64
	Semaphore bool
}

// TimerFD is a timerfd_create(2), times in nanoseconds.
type TimerFD struct {
	Clock           int
	Ticks           uint64 // expirations not yet read
	SettimeFlags    int
	Interval, Value int64 // Value is what is left, 0 is disarmed
	// Expires is when it goes off, by its clock, if it was set to that
	// (TFD_TIMER_ABSTIME).
	Expires int64 `json:",omitempty"`
}

// SignalFD is a signalfd(2).
type SignalFD struct{ Mask Hex }

// PIDFD is a pidfd_open(2), of a process that is alive.
type PIDFD struct{ Task int } // index in World.Tasks

// Epoll is an epoll(7) set, with its parameters of ioctl_eventpoll(2).
type Epoll struct {
	Watches        []Watch `json:",omitempty"`
	BusyPollUsecs  uint32  `json:",omitempty"`
	BusyPollBudget uint16  `json:",omitempty"`
	BusyPollPrefer uint8   `json:",omitempty"`
}

// Watch is a file in an epoll set. One whose Events are none but EPOLLET,
// EPOLLONESHOT and EPOLLWAKEUP has told what it was to tell once.
type Watch struct {
	FD     int // by which it was added
	Open   int // index in World.Open of what is watched
	Events uint32
	Data   Hex
}

// Inotify is a watch of inotify_add_watch(2).
type Inotify struct {
	WD   int
	Mask uint32
	File int // index in Files
}

// Terminal is a terminal, and the state that it was in: struct termios of
// ioctl_tty(2) as TCGETS2 returns it, and the window size.
type Terminal struct {
	// Device is its number (TIOCGDEV), also where it was opened as /dev/tty.
	Device Hex
	// Changed is when the file at its path last changed owner or mode (st_ctim),
	// in nanoseconds: pseudo-terminals of one number differ in that.
	Changed    int64
	Termios    Bytes
	Rows, Cols uint16
	// Controlling is set if it was the controlling terminal.
	Controlling bool
}
