// What belongs to one process as a whole.

package world

// Task is a process: the state that all its threads share, and they.
type Task struct {
	Space, Table int // indices in Spaces and Tables, which several may have in common
	// FS is the same number for those that have one working directory, root directory
	// and umask in common, by CLONE_FS of clone(2), and 0 for who has these alone.
	FS int `json:",omitempty"`
	// Actions is the same number for those that have one set of signal actions in common,
	// by CLONE_SIGHAND, which takes that they have one Space.
	Actions int      `json:",omitempty"`
	Threads []Thread // the first is the thread-group leader
	// Core is where its core file begins in the image; set by Encode and Decode.
	Core int64 `json:"-"`

	PID, PPID, PGID, SID int
	// ExitSignal is what the parent gets when it ends (clone(2)), 0 for none.
	ExitSignal int
	// Status is, of one that has ended and was not waited for, what wait4(2) is
	// to return.
	Status  int  `json:",omitempty"`
	Stopped bool // by a signal such as SIGSTOP, until SIGCONT
	// OwnPIDs is set for one that was resumed in a PID namespace for it alone.
	OwnPIDs bool `json:",omitempty"`
	// TTY is the device number of the controlling terminal, 0 for none, and
	// Foreground the process group in its foreground (proc_pid_stat(5)).
	TTY        int
	Foreground int

	Comm    Text
	Cmdline []Text
	Exe     int // index in Files
	Cwd     int // likewise
	Root    Text

	UIDs, GIDs [4]uint32 // real, effective, saved, filesystem
	Groups     []uint32
	Caps       Caps

	Umask       uint32
	Personality uint32
	Dumpable    int // prctl(PR_GET_DUMPABLE)
	NoNewPrivs  bool
	LockFuture  int  // flags of mlockall(2): MCL_FUTURE, MCL_ONFAULT
	Seccomp     int  // mode of proc_pid_status(5); not 0 only if it was dropped by force
	Subreaper   bool // PR_SET_CHILD_SUBREAPER
	THPDisable  int  // PR_GET_THP_DISABLE: 1, with flags from 2 on
	MemoryMerge bool // PR_SET_MEMORY_MERGE
	MDWE        int  // PR_GET_MDWE
	MCEKill     int  // PR_MCE_KILL_GET
	IOFlusher   bool // PR_SET_IO_FLUSHER
	// Speculation are PR_GET_SPECULATION_CTRL by number, without PR_SPEC_PRCTL;
	// 0 is not for processes to set.
	Speculation [3]int
	Membarrier  Hex // MEMBARRIER_CMD_GET_REGISTRATIONS
	XCompPerm   Hex // ARCH_GET_XCOMP_PERM
	// LDT is the local descriptor table, of modify_ldt(2): SegmentSize bytes for
	// each entry, as the processor has them.
	LDT Bytes
	// Keyring is the number of the session keyring, if that held keys.
	Keyring int
	// Landlock is how many layers of that there were; not 0 only if they were
	// dropped by force.
	Landlock int
	// Label is what a security module calls the process, /proc/PID/attr/current.
	Label       Text
	OOMScoreAdj int
	CoreFilter  Hex // /proc/PID/coredump_filter
	PKeys       Hex // protection keys that are allocated, bit n for key n

	Rlimits    [16]Rlimit // by RLIMIT_ number
	ITimers    [3]ITimer  // ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF
	Timers     []Timer    // timer_create(2)
	Pending    []Siginfo  // signals pending for the process
	SigActions []SigAction
}

// Dead reports whether it has ended, and only waits to be waited for.
func (t *Task) Dead() bool { return t.Space == NoIndex }

// KeeperName is the name of the first process of such a namespace, which does
// nothing but keep it.
const KeeperName = "snapresume-pids"

// SegmentSize is that of a descriptor.
const SegmentSize = 8

// Caps are the sets of capabilities(7) of the first thread.
type Caps struct {
	Inheritable, Permitted, Effective, Bounding, Ambient Hex
}

// MakeCaps makes them of numbers.
func MakeCaps(inheritable, permitted, effective, bounding, ambient uint64) Caps {
	return Caps{Hex(inheritable), Hex(permitted), Hex(effective), Hex(bounding), Hex(ambient)}
}

// Rlimit is a limit of getrlimit(2); all ones is RLIM_INFINITY.
type Rlimit struct{ Cur, Max Hex }

// ITimer is a timer of getitimer(2), in microseconds.
type ITimer struct{ Interval, Value int64 }

// Timer is a POSIX timer; see timer_create(2) and /proc/PID/timers. Times are
// in nanoseconds, Value is what is left (0 is disarmed).
type Timer struct {
	ID              int
	Clock           int
	Notify          int // SIGEV_
	Signal          int
	TID             int // for SIGEV_THREAD_ID, else 0
	SigVal          Hex
	Interval, Value int64
	// Expires is when it goes off, by its clock, if that is a [WallClock].
	Expires int64 `json:",omitempty"`
}

// SigAction is what rt_sigaction(2) returns for a signal that is not at its
// default: struct kernel_sigaction.
type SigAction struct {
	Signal                   int
	Handler, Flags, Restorer Hex
	Mask                     Hex
}
