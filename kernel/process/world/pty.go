// Pseudo-terminals.

package world

// Pty is a pair of pseudo-terminals of which the processes have the master side; see
// pty(7). Its two ends have one state, which is here.
type Pty struct {
	Index    int    // N of /dev/pts/N
	Mode     uint32 // of that file, if the slave was ever opened
	UID, GID uint32
	Termios  Bytes // struct termios2
	Window   Window
	Packet   bool // TIOCPKT
	Locked   bool // TIOCSPTLCK: the slave can't be opened
	// Exclusive says that only root may open the slave (TIOCEXCL).
	Exclusive bool
	// Opened says that somebody has opened the slave, now or once.
	Opened bool
	// Stopped says how output is stopped: "" is not.
	Stopped PtyStop
	// Leader is an index in World.Tasks: of the leader of the session whose controlling
	// terminal it is, or NoIndex.
	Leader int

	// Lines are what the slave has to read, in Input, Output is what the master has,
	// and Raw what came behind the input, and the terminal has not looked at yet. All
	// three are indices in World.Contents, or NoIndex.
	Lines              []PtyLine `json:",omitempty"`
	Input, Output, Raw int
}

// PtyStop is a way to stop output.
type PtyStop string

// Ways.
const (
	PtyStoppedByChar PtyStop = "character" // ^S was typed
	PtyStoppedByCall PtyStop = "call"      // tcflow(3)
)

// PtyLine is what one read(2) of the slave gives; in a mode without lines, all
// that it can read.
type PtyLine struct {
	Size int
	Open bool `json:",omitempty"` // it is not ended yet
}

// Window is struct winsize.
type Window struct{ Rows, Cols, Width, Height uint16 }

// Slave is an open file of the slave side of a pair.
type Slave struct {
	// Master is the index in World.Open of the other side, or NoIndex if the terminal
	// was hung up.
	Master int
	// TTY is set if it was opened as /dev/tty.
	TTY bool `json:",omitempty"`
}
