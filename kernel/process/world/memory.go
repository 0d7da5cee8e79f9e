// What is mapped where.

package world

// Space is an address space.
type Space struct {
	MM   MM
	VMAs []VMA // ascending, not overlapping

	Auxv []byte `json:"-"` // NT_AUXV
}

// MM is what prctl(PR_SET_MM_MAP) takes but for the auxiliary vector, which is
// Space.Auxv.
type MM struct {
	StartCode, EndCode, StartData, EndData Hex
	StartBrk, Brk, StartStack              Hex
	ArgStart, ArgEnd, EnvStart, EnvEnd     Hex
}

// VMA is one mapping. Each is one PT_LOAD of the file, in the same order.
type VMA struct {
	Start, End Hex
	Prot       int // PROT_READ, PROT_WRITE, PROT_EXEC
	Shared     bool
	// VMFlags are the two-letter flags of proc_pid_smaps(5), for madvise(2),
	// mlock(2) and MAP_ flags to be put back: "rd wr mr mw me ac hg".
	VMFlags string
	// Name is what proc_pid_maps(5) shows for a mapping of no file:
	// "[heap]", "[stack]", "[vdso]", "[anon:name]", or "". Shared memory may have
	// one too, "[anon_shmem:name]".
	Name Text

	File   int   // index in Files, or NoIndex
	Offset int64 // of Start in File

	// Private are the runs of a private file mapping that no longer are the
	// file's: written to, and so copied. They are to come from the image
	// even where the file is mapped again. What of them never comes in the
	// image is zeros, not the file.
	Private []Run `json:",omitempty"`
	// Guards are the pages of MADV_GUARD_INSTALL (madvise(2)).
	Guards []Run   `json:",omitempty"`
	Key    int     `json:",omitempty"` // of pkey_mprotect(2)
	Policy *Policy `json:",omitempty"` // of mbind(2)

	// ImageOffset and ImageSize say where the memory lies in the image; set
	// by Encode (ImageSize by its caller) and Decode. ImageSize is 0 for what
	// is not stored (nothing there, or not readable by anybody), else
	// End-Start, or less where the rest lies beyond the end of File.
	//
	// A shared mapping of a File with a Content has its memory there, and so has
	// a private one but for Private, if the content has all that is mapped.
	ImageOffset, ImageSize int64 `json:"-"`
}

// Policy says on which nodes of a machine memory is to be; nil is the default.
type Policy struct {
	Mode  int // MPOL_, with flags
	Nodes []int
}

// Run is a range of addresses.
type Run struct{ Start, End Hex }

// File is an inode that is mapped or open.
type File struct {
	Path    Text // where it was, as the process's own root shows it
	Deleted bool // no longer at Path
	Memfd   bool // of memfd_create(2), Path is its name
	// Anon is set for shared memory that never had a name: MAP_SHARED with
	// MAP_ANONYMOUS, or a mapping of /dev/zero.
	Anon bool

	Dev, Rdev Hex // as stat(2) encodes them
	Ino       uint64
	// FS and Handle know it after a reboot too: f_fsid of statfs(2), and type and
	// handle, in hex, of name_to_handle_at(2). They are 0 and "" where there are
	// none.
	FS        Hex
	Handle    string
	Mode      uint32
	UID, GID  uint32
	Size      int64
	WriteHint uint64 // F_GET_RW_HINT of fcntl(2)
	Mtime     int64  // nanoseconds since 1970
	BuildID   string // of the ELF file, in hex, or ""
	Seals     int    // F_GET_SEALS, for Memfd

	// Content is an index in Contents, or NoIndex. It is there for what
	// can't be found by Path again: memfd, anonymous shared memory, deleted
	// files. Holes in it are holes in the file.
	Content int

	// Segment is there for System V shared memory, of which Size and the content,
	// a whole number of pages, are all there is of it.
	Segment *Segment `json:",omitempty"`
}

// IPC is what an object of sysvipc(7) is known by, and whose it is.
type IPC struct {
	ID, Key  int
	Mode     uint32 // permissions
	UID, GID uint32
}

// Semaphores are a set of semaphores (semget(2)).
type Semaphores struct {
	IPC
	Values []uint16
}

// Segment is a segment of shared memory (shmget(2)).
type Segment struct {
	IPC
	Removed bool `json:",omitempty"` // it goes when nobody has it mapped any more (SHM_DEST)
	Locked  bool `json:",omitempty"` // SHM_LOCK
}
