// Package world is the image of a process: what is known of it, and its bytes.
//
// The bytes are a valid ELF core file, so that gdb, delve and every other
// reader of core files opens them. What the usual notes of a core file don't
// say and a resume needs is one further note, SNAPPIPE, holding this package's
// [World] as JSON. IMAGE.md describes the bytes.
//
// [Encode] makes the front of the file (headers and notes) and lays out where
// the memory lies behind it; [Decode] reads it back and believes nothing. The
// memory itself never passes through this package.
package world

// Version is that of the SNAPPIPE note. A reader refuses any other, and any
// member it doesn't know: state that isn't understood would be state lost.
const Version = 1

// Page is the unit in which memory is laid out in the file.
const Page = 4096

// HugePage is what one entry of the page table above maps at once (x86-64).
const HugePage = 2 << 20

// World is everything there is to know of processes but their memory.
type World struct {
	Version  int
	Host     Host
	Tasks    []Task     // parents before their children; the first is the root of all
	Spaces   []Space    // address spaces, which tasks refer to by index
	Tables   []Table    // of descriptors, likewise
	Files    []File     // inodes that VMAs and open files refer to, by index
	Open     []OpenFile // open file descriptions, which FDs refer to, by index
	Contents []Content  // bytes other than memory: pipes, deleted files, shared memory

	Semaphores []Semaphores `json:",omitempty"` // of System V

	// Dam is the table of nftables that keeps back what the ends of connections to
	// others would send, until a resume.
	Dam string `json:",omitempty"`
}

// One returns the World of a single process, of which nothing is known yet.
func One() *World {
	return &World{Tasks: make([]Task, 1), Spaces: make([]Space, 1), Tables: make([]Table, 1)}
}

// Host is what a resume needs to find again on its machine.
type Host struct {
	Arch      string // uname -m
	Release   string // uname -r
	Boot      string // what this boot of the machine is known by
	VDSO      string // SHA-256 of the vdso, in hex
	XFeatures Hex    // XCR0 at the time: the components an xstate may hold
}

// Content is a run of bytes in the file that is not memory.
type Content struct {
	Size int64 // in bytes

	Offset int64 `json:"-"` // in the image; set by Encode and Decode
}

// SizeOf is the size of a content, which may be none.
func (w *World) SizeOf(content int) int64 {
	if content == NoIndex {
		return 0
	}
	return w.Contents[content].Size
}

// NoIndex is an index that refers to nothing.
const NoIndex = -1
