// Package table is what the process kernel does about each kind of kernel
// object, in the manner of CRIU's zdtm: a table of objects, and for each a
// small program that has one and knows whether it still is as it was.
//
// The table in kernel/process/SUPPORT.md is made of this one, by
// snappipe/tests/process/support.
package table

import "snappipe/tests/process/cycle"

// Row is one kind of object.
type Row struct {
	Object  string
	Program string // in the directory programs
	// Variants are arguments, with each of which the program is run. None is
	// the same as one that is empty.
	Variants []string
	Flags    []string     // for the compiler, beyond the usual ones
	Users    []cycle.User // who can have such an object; nil is everybody

	// Refused is what snapcat says, as a regular expression, when it refuses a
	// program that has such an object. It is "" for one that is saved.
	Refused string
	// Forced says what --force makes of it, or is "" if it is refused as well.
	Forced string

	// Args are options for snapcat, and Said is what it says on standard error
	// all the same, as a regular expression.
	Args []string
	Said string

	// Meanwhile happens to the program's directory after the snapshot.
	Meanwhile func(dir string) error
	// ResumeArgs are options for snapresume.
	ResumeArgs []string
	// ResumeRefused is what snapresume says when it refuses what became of the
	// object meanwhile.
	ResumeRefused string

	Terminal bool // the program runs on one, and on another when it is resumed
	Stopped  bool // the program has stopped itself when it is ready

	Again   bool // a snapshot has been taken before the one that counts
	Moves   bool // its threads, mappings, signals or timers come and go by themselves
	SamePID bool // it is to be resumed with --same-pid

	// Missing says what the kernel does not do yet, though it should: refuse
	// what the row says, or else keep it. The tests demand that it still
	// doesn't, so that the row is corrected with the kernel.
	Missing string

	// Unseen says that it is lost, and why nobody can see that it is there. The
	// tests demand that it is lost, for the same reason.
	Unseen string

	Note string // for the reader of the table
}

// Section is a heading and the rows below it.
type Section struct {
	Title string
	Rows  []Row
}

var (
	root         = []cycle.User{cycle.Root}
	unprivileged = []cycle.User{cycle.Unprivileged}
)

// Sections are all rows.
var Sections = []Section{
	{"Threads and signals", threads},
	{"Memory", memory},
	{"Files", files},
	{"Pipes, sockets and other descriptors", descriptors},
	{"The process", process},
	{"Trees of processes", trees},
}

// otherIDs is said of locks that have the ID of a thread.
const otherIDs = "with other thread IDs, in memory of its own those of glibc; all, with --same-pid"

var threads = []Row{
	{Object: "general registers, flags, segment bases", Program: "registers"},
	{Object: "vector registers (SSE, AVX, AVX-512)", Program: "vectors", Variants: []string{"sse", "avx", "avx512"}},
	{Object: "floating-point registers and modes", Program: "fpu"},
	{Object: "threads: stacks, thread-local memory, names", Program: "threads"},
	{Object: "threads with lower IDs than the process", Program: "low-thread-id", Users: root},
	{Object: "threads that come and go", Program: "short-lived-threads", Moves: true},
	{Object: "locks between threads, and who waits for them", Program: "locks-of-threads"},
	{Object: "locks that are held, and know by whom", Program: "held-locks", Note: otherIDs},
	{Object: "locks that lend priority (PI futexes)", Program: "pi-locks", Note: otherIDs},
	{Object: "robust futexes, thread exit", Program: "robust", Note: otherIDs},
	{Object: "restartable sequences (rseq)", Program: "rseq"},
	{Object: "Syscall User Dispatch", Program: "dispatch",
		Variants: []string{"selector", "asleep", "range", "inclusive", "thread"},
		Note:     "from Linux 6.4 on; older ones don't show it, and such a program is refused if a call made in its name is dispatched"},
	{Object: "a blocking system call that is under way", Program: "blocked", Variants: []string{
		"poll", "ppoll", "select", "epoll_wait", "epoll_pwait", "futex", "read", "write", "recv", "recv-limit", "accept",
		"sigtimedwait", "sigsuspend", "pause", "semtimedop",
	}, Note: "goes on; a long write may be cut short, as by SIGSTOP"},
	{Object: "a blocking system call that ends in time", Program: "blocked", Moves: true, Variants: []string{
		"nanosleep", "clock_nanosleep", "poll-limit", "epoll_wait-limit", "futex-limit",
	}, Note: "its limit may start anew"},
	{Object: "a blocking system call that ends at a time", Program: "blocked", Moves: true, Meanwhile: much, Variants: []string{
		"sleep-until", "futex-until", "sem_timedwait", "cond_timedwait",
	}},
	{Object: "the same, of which snapshots were taken before", Program: "blocked", Moves: true, Meanwhile: much, Again: true, Variants: []string{
		"nanosleep", "clock_nanosleep", "poll-limit", "sleep-until", "sem_timedwait", "cond_timedwait",
	}, Note: "but a futex(2) or sleep that was made by syscall(2), where its number is lost, returns EINTR"},
	{Object: "signal actions", Program: "sigaction"},
	{Object: "signal masks", Program: "sigmask"},
	{Object: "pending and queued signals", Program: "pending", Variants: []string{"", "many"}},
	{Object: "alternate signal stacks", Program: "altstack", Variants: []string{"", "autodisarm"}},
	{Object: "a signal handler that is running", Program: "handler"},
	{Object: "stop by a signal", Program: "stopped", Stopped: true, Note: "waits for SIGCONT again"},
	{Object: "interval timers, alarm", Program: "itimer", Variants: []string{"still"}},
	{Object: "a periodic ITIMER_REAL that goes off meanwhile", Program: "itimer", Variants: []string{"ticking"}, Moves: true},
	{Object: "POSIX timers", Program: "posix-timers", Variants: []string{"signal", "tid"}, Moves: true},
	{Object: "how often a POSIX timer has overrun (timer_getoverrun)", Program: "posix-timers", Variants: []string{"overrun"}, Moves: true,
		Unseen: "no call sets it: it begins anew"},
	{Object: "POSIX timers that start threads", Program: "posix-timers", Variants: []string{"thread"}, Moves: true},
	{Object: "timers on the CPU time of the process or a thread", Program: "cpu-timers", Variants: []string{"process", "current", "thread", "own"}, Moves: true,
		Note: "its number holds an ID, which is translated"},
	{Object: "timers on the CPU time of another process", Program: "cpu-timers", Variants: []string{"foreign"}, Refused: `timer 0.*process \d+`},
	{Object: "timers on the CPU time of the thread that made them, among several", Program: "cpu-timers", Variants: []string{"whose"},
		Refused: `timer 0.*no kernel says`},
	{Object: "timers and timerfds that are set to a time", Program: "wall-timers", Meanwhile: longer, Moves: true, Variants: []string{
		"timer", "timer-tai", "timerfd", "timerfd-monotonic", "timerfd-boottime", "timerfd-alarm",
	}, Note: "go off at that time; so do all POSIX timers on the time of day, of which no kernel says how they were set"},
	{Object: "scheduling, nice, CPU and I/O priority, timer slack", Program: "scheduling"},
	{Object: "real-time scheduling", Program: "scheduling", Variants: []string{"fifo"}, Users: root},
	{Object: "time slices of threads", Program: "scheduling", Variants: []string{"slice"}},
	{Object: "scheduling by deadlines", Program: "scheduling", Variants: []string{"deadline"}, Users: root, Refused: `SCHED_DEADLINE`},
	{Object: "clocks", Program: "clocks", Note: "go on with the system's"},
	{Object: "threads with open files or directories of their own", Program: "unshared-threads",
		Variants: []string{"files", "fs"}, Refused: `does not share|own`},
	{Object: "threads with capabilities of their own", Program: "unlike-threads",
		Variants: []string{"capabilities"}, Users: root, Refused: `thread \d+ has capabilities of its own`},
	{Object: "a thread with a seccomp filter of its own", Program: "unlike-threads",
		Variants: []string{"seccomp"}, Refused: `thread \d+ has (no_new_privs|seccomp)`},
	{Object: "a thread with a personality of its own", Program: "unlike-threads",
		Variants: []string{"personality"}, Refused: `thread \d+ has a personality of its own`},
	{Object: "a main thread that has ended", Program: "main-thread-ended", Refused: `main thread has ended`},
}

var memory = []Row{
	{Object: "heap (brk)", Program: "brk"},
	{Object: "stacks that grow", Program: "stack"},
	{Object: "protection, code made at run time", Program: "protect"},
	{Object: "protection keys", Program: "pkeys"},
	{Object: "pages of zeros, never touched pages", Program: "holes", Note: "take no room"},
	{Object: "huge sparse mappings, also such as are only read", Program: "sparse"},
	{Object: "madvise: huge pages, DONTFORK, WIPEONFORK, DONTDUMP, ...", Program: "madvise"},
	{Object: "guard pages (MADV_GUARD_INSTALL), and what is under them", Program: "guards",
		Variants: []string{"", "huge", "none", "wiped", "unforked", "shared", "memfd", "file-private", "file-shared"}},
	{Object: "memory to be wiped in a copy: MADV_WIPEONFORK, MAP_DROPPABLE", Program: "droppable",
		Variants: []string{"wiped", "droppable"}, Note: "it is, in what is resumed as in a child: two of a program have no random numbers in common"},
	{Object: "sealed memory (mseal)", Program: "sealed", Variants: []string{"none", "read-only", "write-only", "file"}},
	{Object: "locked memory", Program: "locked-memory"},
	{Object: "mlockall(MCL_FUTURE)", Program: "locked-memory", Variants: []string{"future"}},
	{Object: "memory policies: set_mempolicy, mbind", Program: "settings", Variants: []string{"policies"},
		Note: "where the machine has those nodes; no kernel shows set_mempolicy_home_node(2), which is lost"},
	{Object: "names of mappings", Program: "mapping-names", Variants: []string{"", "shared"}},
	{Object: "shared anonymous memory", Program: "shared-anonymous"},
	{Object: "shared anonymous memory that is mapped beyond its end", Program: "shared-anonymous", Variants: []string{"beyond"}, Users: root,
		Note: "others than root are not told where that is: it ends with the mapping"},
	{Object: "shared anonymous memory that another process has too", Program: "shared-outside", Variants: []string{"anonymous"},
		Refused: `shared memory: process \d+ \(shared-outside\) has it too`, Forced: "has a copy"},
	{Object: "memfd, seals", Program: "memfd"},
	{Object: "mapped files", Program: "mapped-file"},
	{Object: "a shared mapping of a file that is being written to", Program: "busy-shared-file",
		Meanwhile: overwrite, ResumeRefused: `/file`},
	{Object: "a private mapping of a file that has changed since", Program: "changing-file", Variants: []string{"private"},
		Meanwhile: overwrite, Note: "its pages come from the image"},
	{Object: "a private mapping of a file that is gone", Program: "changing-file", Variants: []string{"private"},
		Meanwhile: remove("file"), Note: "its pages come from the image"},
	{Object: "a shared mapping of a file that has changed since", Program: "changing-file", Variants: []string{"shared"},
		Meanwhile: overwrite, ResumeRefused: `/file`},
	{Object: "a library that was replaced since", Program: "library", Flags: []string{"-lm"},
		Meanwhile: replaceLibrary, Note: "the old one comes from the image"},
	{Object: "a program whose file is gone", Program: "library", Flags: []string{"-lm"},
		Meanwhile: remove("library"), Note: "it comes from the image"},
	{Object: "memory of devices", Program: "device-mapping", Users: root, Refused: `mapping .*(memory of a device|/dev/mem)`},
	{Object: "hugetlb pages", Program: "hugetlb", Refused: `mapping .*hugetlb`},
	{Object: "userfaultfd", Program: "userfaultfd", Refused: `userfaultfd`},
	{Object: "io_setup contexts", Program: "aio", Refused: `mapping .*aio`},
	{Object: "segments: modify_ldt, set_thread_area", Program: "segments", Variants: []string{"ldt", "thread"}},
	{Object: "System V shared memory, with its ID, key, owner and mode", Program: "sysv-shm",
		Variants: []string{"", "removed", "parts", "read-only", "locked", "owned", "loose"}, Users: root, Meanwhile: removeSegment,
		Note: "snapresume that is killed before it is done (SIGKILL) may leave it, for the next one to use"},
	{Object: "the same, in namespaces of its own", Program: "sysv-shm", Variants: []string{"", "removed", "read-only", "loose"}, SamePID: true, Users: unprivileged, Meanwhile: removeSegment,
		Note: "which --same-pid makes, and trees have: others than root may not choose IDs elsewhere"},
	{Object: "System V shared memory that is still there", Program: "sysv-shm", Variants: []string{"there"}, Note: "is used again, with what the image has of it"},
	{Object: "System V shared memory that went with the program, without --same-pid", Program: "sysv-shm", Variants: []string{"removed"}, Users: unprivileged,
		ResumeRefused: `System V shared memory \d+: its ID is not for this user to choose`},
	{Object: "System V shared memory of which a part is not mapped", Program: "sysv-shm", Variants: []string{"parts"}, Users: unprivileged,
		Refused: `System V shared memory \d+: a part of it is not mapped`},
	{Object: "System V shared memory that another process has mapped too", Program: "shared-outside", Variants: []string{"segment"},
		Refused: `System V shared memory \d+: (another process|process \d+ \(shared-outside\)) has it`},
}

var files = []Row{
	{Object: "regular files: offset, flags, append", Program: "regular-file", Note: "not rewound: what was written since stays"},
	{Object: "a regular file that is gone", Program: "lost-file", Meanwhile: remove("file"), ResumeRefused: `/file`},
	{Object: "a regular file that is shorter", Program: "lost-file", Meanwhile: shorten, ResumeRefused: `/file`},
	{Object: "a regular file that was renamed within its directory", Program: "file-names",
		Variants: []string{"renamed"}, Meanwhile: rename("file.1", false)},
	{Object: "a log that was rotated", Program: "file-names", Variants: []string{"rotated"}, Meanwhile: rename("file.1", true)},
	{Object: "a regular file that was moved elsewhere", Program: "file-names", Variants: []string{"moved"}, Users: root,
		Meanwhile: rename("elsewhere/file", false)},
	{Object: "a regular file that another took the place of", Program: "file-names", Variants: []string{"replaced"},
		Meanwhile: replace, ResumeRefused: `/file: another file is at its path`, Note: "--force takes that"},
	{Object: "files that are at another of their names; named semaphores; odd names", Program: "file-names",
		Variants: []string{"linked", "semaphore", "odd"}},
	{Object: "a file that something is mounted over", Program: "file-names", Variants: []string{"overmounted"}, Users: root,
		Refused: `fd \d+, .*/d/file: its path leads to another file`},
	{Object: "O_PATH: symbolic links, sockets, FIFOs, devices, directories", Program: "only-path",
		Variants: []string{"symlink", "socket", "fifo", "device", "directory"}},
	{Object: "O_PATH of what is deleted or has no path", Program: "only-path", Variants: []string{"deleted", "pipe"}, Refused: `fd \d+, an O_PATH`},
	{Object: "deleted files, O_TMPFILE", Program: "deleted-file", Note: "up to 1 GiB each, in the image; of O_TMPFILE they can be given a name as before"},
	{Object: "a deleted file that this user may not open, but the program has open for reading", Program: "deleted-file", Variants: []string{"no-mode"}},
	{Object: "a deleted file that this user may not read", Program: "deleted-file", Variants: []string{"unreadable"}, Users: unprivileged,
		Refused: `fd \d+, the deleted file .*lets this user not read it`},
	{Object: "a deleted file with extended attributes", Program: "deleted-file", Variants: []string{"attribute"}, Refused: `fd \d+, the deleted file .*user\.note`},
	{Object: "a larger deleted file", Program: "huge-deleted-file", Refused: `fd \d+, .*deleted file`},
	{Object: "directories, O_PATH", Program: "directory"},
	{Object: "duplicates that share an offset", Program: "dup"},
	{Object: "an offset that is shared with another process", Program: "shared-outside", Variants: []string{"offset"},
		Said: `fd \d+, .*/file: process \d+ \(shared-outside\) has its offset too`, Note: "resumed, the program has its own, which is said"},
	{Object: "close-on-exec", Program: "cloexec"},
	{Object: "/dev/null, zero, full, urandom", Program: "dev-nodes"},
	{Object: "descriptors of one's choice", Program: "dropped", Variants: []string{"pipe", "tcp", "tcp6", "pidfd"},
		Args: []string{"--drop-fd", "100", "--drop-fd", "101"}, Said: `dropped: fd 100, (?s:.*)dropped: fd 101, `,
		Forced: "reads end of file, writes fail with EPIPE"},
	{Object: "descriptors beyond the limit", Program: "fewer-descriptors"},
	{Object: "file locks", Program: "locks", Variants: []string{"flock", "process", "open-file"}},
	{Object: "who gets the signals of a file, and which: O_ASYNC, F_SETOWN_EX, F_SETSIG", Program: "owner",
		Variants: []string{"socket", "pipe", "plain", "thread", "group"}},
	{Object: "signals that go to another program", Program: "owner", Variants: []string{"outside"}, Refused: `fd \d+, .*its signals go to process \d+`},
	{Object: "leases (F_SETLEASE), F_SET_RW_HINT", Program: "lease", Variants: []string{"read", "write", "hint"}},
	{Object: "a lease that is being broken, or of a deleted file; F_NOTIFY", Program: "lease",
		Variants: []string{"breaking", "deleted", "notify"}, Refused: `fd \d+, .*(lease|F_NOTIFY)`},
	{Object: "terminals, and pipes and connections to other programs, on descriptors 0 to 2", Program: "terminal", Terminal: true,
		Note: "become what snapresume has there, or as --stdio says; a terminal gets the program's settings"},
	{Object: "a pseudo-terminal of its own", Program: "pty-inside"},
	{Object: "a pseudo-terminal of which another process has an end, or leads a session on it", Program: "pty-outside",
		Variants: []string{"master", "slave", "session"},
		Refused:  `fd \d+, the master side of a pseudo-terminal: (process \d+ \(pty-outside\) has it|.* leader is not taken)`,
		Forced:   "reads end of file, writes fail with EPIPE"},
	{Object: "files of /proc about the system", Program: "proc-descriptors", Variants: []string{"uptime", "sys/kernel/osrelease"}, Note: "say what is so here"},
	{Object: "files of /proc about a process", Program: "proc-descriptors", Variants: []string{"self/comm", "self"}, Refused: `fd \d+, /proc/`},
}

var descriptors = []Row{
	{Object: "pipes within the process", Program: "pipe", Note: "with content"},
	{Object: "a pipe of 70 MiB", Program: "pipe", Variants: []string{"very-large"}, Users: root},
	{Object: "pipes of which the other end is closed", Program: "half-pipe", Note: "with content"},
	{Object: "packets in a pipe (O_DIRECT)", Program: "packet-pipe", Variants: []string{"", "mixed"}},
	{Object: "owner and mode of what has no path", Program: "reopen"},
	{Object: "those of another user", Program: "reopen", Variants: []string{"other-user"}, Users: root},
	{Object: "FIFOs within the process", Program: "fifo", Note: "with content"},
	{Object: "a pipe to another process", Program: "outside", Variants: []string{"pipe"}, Refused: `fd \d+.*pipe`,
		Forced: "reads end of file, writes fail with EPIPE"},
	{Object: "pipes, FIFOs and socket pairs of which another process has both ends too", Program: "shared-pair", Variants: []string{"pipe", "fifo", "socket"},
		Refused: `fd \d+, a (pipe|unix socket): process \d+ \(shared-pair\) has it too`,
		Forced:  "reads end of file, writes fail with EPIPE"},
	{Object: "socket pairs within the process", Program: "socketpair", Variants: []string{"stream", "datagram", "packet"},
		Note: "with content"},
	{Object: "sockets of which the other end is closed", Program: "orphan-socket", Variants: []string{"stream", "packet"}, Note: "with content"},
	{Object: "unix connections within the processes that have not been accepted", Program: "unix-waiting",
		Variants: []string{"stream", "packet", "relative", "abstract", "path-gone", "full"}},
	{Object: "the same, to which something was sent", Program: "unix-waiting", Variants: []string{"sent"},
		Refused: `fd \d+, a unix socket.*not been accepted yet, and nobody can see`},
	{Object: "the same, whose other end is closed", Program: "unix-waiting", Variants: []string{"closed"},
		Refused: `fd \d+, a unix socket with connections that have not been accepted`},
	{Object: "unix sockets: listening, bound, unconnected", Program: "unix-sockets"},
	{Object: "unix connections within the process, and their addresses", Program: "unix-connection",
		Variants: []string{"path", "relative", "abstract", "path-gone", "abstract-gone", "packet"}},
	{Object: "what waits in unix sockets: of any size and number, senders, credentials, where it is peeked at", Program: "unix-queue",
		Variants: []string{"large", "many", "sizes-datagram", "sizes-packet", "peeked-stream", "peeked-datagram", "peeked-packet",
			"credentials-stream", "credentials-datagram", "senders", "orphaned"}},
	{Object: "a byte out of band in a unix socket", Program: "unix-queue", Variants: []string{"oob"}, Refused: `fd \d+, a unix socket.*out of band`},
	{Object: "who made a unix connection (SO_PEERCRED)", Program: "peercred"},
	{Object: "one that another user made", Program: "peercred", Variants: []string{"other-user"}, Users: root},
	{Object: "a unix datagram socket that sends to another process", Program: "unix-outside", Variants: []string{"datagrams"}},
	{Object: "connections of others that a unix socket has not accepted", Program: "unix-outside", Variants: []string{"accept"},
		Refused: `fd \d+, a unix socket with connections that have not been accepted`},
	{Object: "a unix socket connected to another process", Program: "outside", Variants: []string{"socket"},
		Refused: `fd \d+.*socket`, Forced: "reads end of file, writes fail with EPIPE"},
	{Object: "descriptors in flight (SCM_RIGHTS), also of files that nothing else leads to", Program: "descriptor-in-flight",
		Variants: []string{"", "packets", "datagrams", "several", "within", "child"}},
	{Object: "the same of an epoll set or a pseudo-terminal, or of a socket that holds others; one that an epoll set watches", Program: "descriptor-in-flight",
		Variants: []string{"epoll", "terminal", "nested", "watched"}, Refused: `sent.*not (yet )?received`},
	{Object: "the same of a pipe or an eventfd that another process has too", Program: "descriptor-in-flight",
		Variants: []string{"shared-pipe", "shared-event"}, Refused: `(a pipe|an eventfd).*process \d+ \(descriptor-in-f\w*\) has it too`},
	{Object: "TCP sockets: listening, unconnected", Program: "tcp-listen", Variants: []string{"ipv4", "ipv6"}},
	{Object: "a TCP listener or connection with keys of TCP_MD5SIG, which only root may see", Program: "tcp-listen", Variants: []string{"signed"}, Users: root,
		Refused: `fd \d+, a TCP socket at 127.*: it has keys of TCP_MD5SIG`, Forced: "has none any more"},
	{Object: "TCP connections within the processes, and what waits in them", Program: "tcp-inside",
		Variants: []string{"reuse", "ipv6", "mapped", "gone", "child", "child-ipv6", "half-closed", "deaf", "options"}},
	{Object: "TCP connections within the processes that are in use", Program: "tcp-inside", Variants: []string{"traffic", "traffic-ipv6"}, Moves: true, Users: root},
	{Object: "TCP connections within the processes that are full", Program: "tcp-inside", Variants: []string{"full", "child-full"}, Moves: true, Users: root,
		Note: "others than root may not see what is on the way, and are refused"},
	{Object: "out-of-band data of a TCP connection", Program: "tcp-inside", Variants: []string{"urgent"}, Refused: `fd \d+, a TCP connection to 127.*out of band`},
	{Object: "TCP connections to others", Program: "tcp-connection", Refused: `fd \d+.*TCP.*127\.0\.0\.1`,
		Forced: "reads end of file, writes fail with EPIPE", Note: "root keeps them with --then kill, which ends the program"},
	{Object: "TCP listeners without SO_REUSEADDR that had connections", Program: "tcp-connection", Variants: []string{"exclusive"},
		Refused: `fd \d+.*TCP`, Forced: "can be resumed once the connections are forgotten (tcp(7), TIME_WAIT)",
		ResumeRefused: `address already in use`},
	{Object: "TCP connections within the processes that have not been accepted", Program: "tcp-inside", Variants: []string{"unaccepted", "unaccepted-ipv6"}},
	{Object: "the same, to which something was sent", Program: "tcp-inside", Variants: []string{"unaccepted-content"}, Refused: `fd \d+, a TCP connection to 127.*accepted`},
	{Object: "connections of others that a TCP listener has not accepted", Program: "inet-waiting", Variants: []string{"accept"},
		Refused: `fd \d+, a TCP socket at .*not accepted`},
	{Object: "a TCP connection that has failed or ended, and that is not told or read yet", Program: "inet-waiting",
		Variants: []string{"failed", "last-words"}, Refused: `fd \d+, a TCP connection that has`},
	{Object: "a TCP connection that has ended", Program: "inet-waiting", Variants: []string{"dead"}},
	{Object: "UDP sockets", Program: "udp", Variants: []string{"bound", "connected"}},
	{Object: "datagrams and errors that a UDP socket holds", Program: "inet-waiting",
		Variants: []string{"datagram", "empty-datagram", "error", "corked"}, Refused: `fd \d+, a UDP socket .*with`},
	{Object: "multicast groups and their sources", Program: "multicast", Variants: []string{"ipv4", "ipv6"}},
	{Object: "socket options that can be read, SO_ATTACH_FILTER among them", Program: "socket-options",
		Variants: []string{"unix", "unix-datagram", "tcp", "tcp6", "udp", "udp6"}},
	{Object: "a socket bound to a network device that is gone", Program: "socket-device", Refused: `fd \d+, a UDP socket.*SO_BINDTODEVICE`},
	{Object: "a BPF program of a socket (SO_ATTACH_BPF)", Program: "socket-program", Variants: []string{"filter"}, Refused: `fd \d+, a UDP socket.*BPF`},
	{Object: "a program of a group of sockets (SO_ATTACH_REUSEPORT_CBPF)", Program: "socket-program", Variants: []string{"group"},
		Unseen: "the kernel does not show it"},
	{Object: "eventfd, timerfd, epoll, inotify, memfds and deleted files that another process has too", Program: "shared-outside",
		Variants: []string{"eventfd", "timerfd", "epoll", "inotify", "memfd", "deleted"},
		Refused:  `fd \d+, .*: process \d+ \(shared-outside\) has it too`, Forced: "has a copy"},
	{Object: "eventfd", Program: "eventfd", Note: "older kernels, 6.1 among them, do not show EFD_SEMAPHORE: it is lost there"},
	{Object: "timerfd", Program: "timerfd"},
	{Object: "a periodic timerfd with unread ticks", Program: "timerfd", Variants: []string{"ticking"}},
	{Object: "signalfd", Program: "signalfd"},
	{Object: "epoll", Program: "epoll", Variants: []string{"", "numbers", "wakeup"},
		Note: "an event of EPOLLET that was told before may be told again"},
	{Object: "epoll watches that have told what they were to tell once (EPOLLONESHOT)", Program: "epoll-silent",
		Variants: []string{"pipe-read", "pipe-read-closed", "pipe-write", "timerfd", "signalfd", "inotify", "epoll", "eventfd", "socket", "tcp", "unix"}},
	{Object: "inotify", Program: "inotify", Note: "what happened since is not told"},
	{Object: "inotify: events that were not read, what is deleted", Program: "inotify", Variants: []string{"unread", "deleted"},
		Refused: `fd \d+, an inotify set`},
	{Object: "io_uring", Program: "io-uring", Refused: `io_uring`},
	{Object: "pidfd of the process itself", Program: "pidfd", Variants: []string{"own"}},
	{Object: "pidfd of another process, or of one that has ended", Program: "pidfd", Variants: []string{"other", "ended"}, Refused: `fd \d+, a pidfd`},
	{Object: "perf_event", Program: "strange-descriptors", Variants: []string{"perf_event"}, Refused: `fd \d+.*perf_event`},
	{Object: "fanotify", Program: "strange-descriptors", Variants: []string{"fanotify"}, Users: root, Refused: `fd \d+.*fanotify`},
	{Object: "POSIX message queues", Program: "strange-descriptors", Variants: []string{"mqueue"}, Refused: `fd \d+`},
	{Object: "netlink sockets", Program: "strange-descriptors", Variants: []string{"netlink"}, Refused: `fd \d+, a socket of`},
	{Object: "packet, raw and XDP sockets", Program: "strange-descriptors", Variants: []string{"packet", "raw", "xdp"}, Users: root,
		Refused: `fd \d+, a socket of`},
	{Object: "descriptors of namespaces", Program: "strange-descriptors", Variants: []string{"namespace"}, Refused: `fd \d+`},
	{Object: "memfd_secret", Program: "strange-descriptors", Variants: []string{"secret", "secret-file"}, Refused: `secretmem`},
	{Object: "memfd of huge pages", Program: "strange-descriptors", Variants: []string{"hugetlb"}, Refused: `fd \d+, .*hugetlbfs`},
	{Object: "files that tell of pressure (PSI)", Program: "strange-descriptors", Variants: []string{"pressure"}, Refused: `fd \d+, /proc/pressure/memory`},
	{Object: "tracefs and debugfs, but for trace_marker", Program: "strange-descriptors", Variants: []string{"trace"}, Users: root,
		Refused: `fd \d+, .*trace_pipe`},
	{Object: "a device of which the path is deleted", Program: "strange-descriptors", Variants: []string{"deleted-device"}, Users: root,
		Refused: `fd \d+, the device .*null: its path has been deleted`},
	{Object: "/dev/kmsg for reading", Program: "strange-descriptors", Variants: []string{"kmsg"}, Users: root, Refused: `fd \d+, .*kmsg`},
}

var process = []Row{
	{Object: "arguments, environment, name, working directory, umask, oom_score_adj", Program: "proc-files"},
	{Object: "resource limits", Program: "rlimits"},
	{Object: "a process that may not fork (RLIMIT_NPROC)", Program: "no-more-processes", Refused: `it may not have a child.*RLIMIT_NPROC`},
	{Object: "personality", Program: "personality"},
	{Object: "prctl: parent-death signal, subreaper, no_new_privs, THP", Program: "prctls",
		Variants: []string{"none", "pdeathsig", "subreaper", "thp-disable", "no-new-privs"}},
	{Object: "prctl: PR_SET_KEEPCAPS, PR_SET_TSC", Program: "prctls", Variants: []string{"keepcaps", "tsc"},
		Note: "PR_SET_PTRACER is lost, which no kernel shows"},
	{Object: "prctl: PR_SET_MDWE", Program: "settings", Variants: []string{"mdwe", "mdwe-not-inherited"}},
	{Object: "prctl: PR_SET_THP_DISABLE with flags, PR_SET_MEMORY_MERGE, PR_MCE_KILL", Program: "settings",
		Variants: []string{"", "thp", "thp-except-advised", "merging", "broken-memory"}},
	{Object: "prctl: PR_SET_IO_FLUSHER", Program: "settings", Variants: []string{"io-flusher"}, Users: root},
	{Object: "prctl: PR_SET_SPECULATION_CTRL; arch_prctl: ARCH_SET_CPUID, AMX", Program: "settings",
		Variants: []string{"speculation", "cpuid", "amx"}},
	{Object: "membarrier", Program: "settings", Variants: []string{"membarrier"}},
	{Object: "prctl: PR_SET_SECUREBITS", Program: "prctls", Variants: []string{"securebits"}, Users: root},
	{Object: "dumpable", Program: "prctls", Variants: []string{"dumpable"}, Users: root},
	{Object: "dumpable: the user's own program that is not", Program: "prctls", Variants: []string{"dumpable"}, Users: unprivileged,
		Refused: `not permitted`},
	{Object: "user and group IDs", Program: "credentials", Variants: []string{"real"}, Users: root},
	{Object: "groups that the user is no member of", Program: "credentials", Variants: []string{"groups"}, Users: root,
		ResumeArgs: []string{"--force"}, Note: "root resumes it with --trust, of an image that is signed, or --force"},
	{Object: "the same, of an image that nobody has signed", Program: "credentials", Variants: []string{"groups"}, Users: root,
		ResumeRefused: `it has groups \[7 1234 65000\], of which user 2000 is no member`},
	{Object: "priority, limits, set-user-ID files of another user than root, more than snapresume has or can name", Program: "privileges",
		Variants: []string{"nice", "real-time", "oom", "limit", "setuid-file"}, Users: root,
		ResumeArgs: []string{"--force"}, Note: "root resumes it with --trust, of an image that is signed, or --force"},
	{Object: "the same, of an image that nobody has signed", Program: "privileges",
		Variants: []string{"nice", "real-time", "oom", "limit", "setuid-file"}, Users: root,
		ResumeRefused: `which an image must not hand out`},
	{Object: "several user and group IDs at once, as of a set-user-ID program", Program: "credentials", Variants: []string{"effective"}, Users: root,
		ResumeArgs: []string{"--force"}, Note: "root resumes it with --trust, of an image that is signed, or --force"},
	{Object: "the same, of an image that nobody has signed", Program: "credentials", Variants: []string{"effective"}, Users: root,
		ResumeRefused: `it has other user IDs besides`},
	{Object: "capabilities of a user who is not root", Program: "credentials", Variants: []string{"capable"}, Users: root,
		ResumeRefused: `it has capabilities`},
	{Object: "capabilities", Program: "capabilities", Users: root},
	{Object: "CPU time used, page faults and other accounts", Program: "accounts", Moves: true,
		Unseen: "no call sets them: they begin anew, as for limits of CPU time"},
	{Object: "a working directory that was renamed", Program: "working-directory", Variants: []string{"renamed"}, Meanwhile: rename("file.1", false)},
	{Object: "a working directory that another took the place of", Program: "working-directory", Variants: []string{"replaced"},
		Meanwhile: replaceDirectory, ResumeRefused: `working directory .*/file: another file is at its path`, Note: "--force takes that"},
	{Object: "a working directory that is deleted, or about a process", Program: "working-directory", Variants: []string{"deleted", "process"},
		Refused: `working directory`},
	{Object: "a working directory that something is mounted over", Program: "working-directory", Variants: []string{"overmounted"}, Users: root,
		Refused: `working directory is not to be found`},
	{Object: "a root directory of its own (chroot)", Program: "chroot", Users: root, Refused: `root directory of its own`},
	{Object: "other namespaces", Program: "namespaces", Variants: []string{"net", "mnt", "uts", "ipc", "pid", "user"}, Users: root,
		Refused: `namespace`, Note: "but what snapresume made for --same-pid, which is kept"},
	{Object: "children, alive or ended and not waited for", Program: "child", Variants: []string{"alive", "zombie"}},
	{Object: "another process that shares all memory, all descriptors or the working directory (clone)", Program: "shared-outside",
		Variants: []string{"all-memory", "all-files", "directory"}, Refused: `it shares its .* with process \d+ \(shared-outside\)`},
	{Object: "a vfork that is under way", Program: "vfork", Refused: `child`},
	{Object: "ptrace: traced, or tracing", Program: "traced", Variants: []string{"traced", "tracer"}, Refused: `trac`},
	{Object: "seccomp", Program: "seccomp", Refused: `seccomp`},
	{Object: "Landlock", Program: "landlock", Variants: []string{"", "layers"}, Refused: `Landlock`, Forced: "may do what that denied"},
	{Object: "Landlock of a thread other than the first", Program: "landlock", Variants: []string{"thread"},
		Unseen: "no kernel tells of it"},
	{Object: "keyrings of a thread or the process", Program: "keyrings", Variants: []string{"thread", "process"}, Refused: `keyring`},
	{Object: "keys in the session keyring", Program: "keyrings", Variants: []string{"session"}, ResumeRefused: `session keyring`,
		Note: "in another session; in the same it has them"},
	{Object: "a session keyring without keys", Program: "keyrings", Variants: []string{"empty"}, Note: "is that of snapresume"},
	{Object: "System V semaphores that the processes have changed last", Program: "sysv-semaphores", Users: root, Meanwhile: removeSemaphores},
	{Object: "the same, in namespaces of its own", Program: "sysv-semaphores", Users: unprivileged, SamePID: true, Meanwhile: removeSemaphores,
		Note: "without --same-pid, which makes these, such a set that is gone is refused"},
	{Object: "System V semaphores that are there still", Program: "semaphore-undo", Variants: []string{"kept"}, Note: "have the values of the image again"},
	{Object: "System V message queues", Program: "message-queue", Refused: `System V message queue \d+: .*can't be read`},
	{Object: "changes of semaphores to undo (SEM_UNDO)", Program: "semaphore-undo", Variants: []string{"undone", "threads"},
		Refused: `SEM_UNDO`, Forced: "has the values, and does not undo them at its end",
		Note: "of several threads that is known only while no other process has changed that semaphore since"},
	{Object: "I/O ports", Program: "io-ports", Variants: []string{"ioperm", "iopl"}, Users: root, Refused: `I/O ports`},
	{Object: "32-bit programs", Program: "thirty-two-bit", Flags: []string{"-m32", "-static", "-nostdlib", "-fno-pic", "-fno-stack-protector"},
		Refused: `64-bit`},
}

var trees = []Row{
	{Object: "process IDs, parents", Program: "tree", Variants: []string{"line"}},
	{Object: "children that have ended, with their status; SIGCHLD that is pending", Program: "tree", Variants: []string{"zombies", "pending"}},
	{Object: "process groups and sessions, also those whose leader is gone", Program: "tree", Variants: []string{"sessions"}},
	{Object: "stopped children", Program: "tree", Variants: []string{"stopped"}},
	{Object: "shared memory: anonymous, memfd, deleted files", Program: "tree", Variants: []string{"memory"}},
	{Object: "System V shared memory of several processes", Program: "tree", Variants: []string{"segment"}, Meanwhile: removeSegment},
	{Object: "mutexes, conditions and semaphores in shared memory", Program: "tree", Variants: []string{"mutex"}, Flags: []string{"-pthread"}},
	{Object: "open files of several processes: offset, flags, flock", Program: "tree", Variants: []string{"offset"}},
	{Object: "POSIX locks, each of its process", Program: "tree", Variants: []string{"locks"}},
	{Object: "pipes and socket pairs between processes, with content", Program: "tree", Variants: []string{"between"}},
	{Object: "credentials of messages between processes (SO_PASSCRED)", Program: "tree", Variants: []string{"credentials"}},
	{Object: "eventfd and epoll sets of several processes", Program: "tree", Variants: []string{"events"}},
	{Object: "descriptors, working directory and umask that several processes share (clone)", Program: "clones", Flags: []string{"-pthread"},
		Variants: []string{"files", "directory", "both", "apart", "between", "siblings", "session"}},
	{Object: "POSIX locks of several that share descriptors", Program: "clones", Flags: []string{"-pthread"}, Variants: []string{"locks"}},
	{Object: "several sets of such, between which is a process that shares with none of them", Program: "clones", Flags: []string{"-pthread"},
		Variants: []string{"pairs"}, Refused: `process \d+ \(clones\).* it shares its open files with process \d+, which could not be had again: .* process \d+`},
	{Object: "memory that several processes have (clone), each with signal actions of its own, or all with one set", Program: "one-memory",
		Variants: []string{"memory", "actions", "all", "threads"}},
	{Object: "what is written to such memory meanwhile", Program: "one-memory", Variants: []string{"busy"}, Moves: true},
	{Object: "memory that several have, and their parent has not", Program: "one-memory", Variants: []string{"siblings"},
		Refused: `it shares its memory with process \d+, which could not be had again: process \d+, by which it would come to one of them, does not have it`},
	{Object: "pidfds of processes of the tree", Program: "pidfd", Variants: []string{"child", "parent"}},
	{Object: "a listener at which several processes wait", Program: "tree", Variants: []string{"listener"}},
	{Object: "pseudo-terminals: modes, window, name, packets, lock, what waits in both directions", Program: "pty",
		Variants: []string{"state", "lines", "bytes", "many", "stopped-by-character", "stopped-by-call", "packets"}},
	{Object: "those whose other side is not open yet, or not any more; terminals that were hung up", Program: "pty",
		Variants: []string{"unopened", "locked", "closed", "hung-up"}},
	{Object: "several open files of one end", Program: "pty", Variants: []string{"several"}},
	{Object: "sessions and jobs on a pseudo-terminal of the tree", Program: "pty", Variants: []string{"session", "own", "own-with-child"}},
	{Object: "what is typed and answered meanwhile", Program: "pty", Variants: []string{"traffic"}, Moves: true},
	{Object: "the moment: what was sent and not received is in the pipe", Program: "tree", Variants: []string{"traffic"}, Moves: true},
}
