// Memory that is ready before the program is stopped.
//
// The first touch of a page costs a fault, and in a virtual machine often two
// or three, of which the program should not have to wait for one. So the pages
// that the freeze will need, of the heap and of this program's own code, are
// touched before.

package capture

import (
	"os"
	"runtime"
	"unsafe"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"

	"golang.org/x/sys/unix"
)

// What the freeze allocates, in bytes: for each thread its registers, several
// times over, and its part of the memory for calls; for each descriptor and
// mapping what is known of it.
const (
	heapAtLeast   = 2 << 20
	heapPerThread = 24 << 10
	heapPerFile   = 3 << 10
	heapPerMap    = 1 << 10
)

// What it opens: for each process its memory, its pagemap and the like, and others one
// after the other.
const (
	openAtLeast    = 128
	openPerProcess = 8
)

// warmUp readies memory, and a table of descriptors, for processes that have so many of
// each.
func warmUp(processes, threads, files, maps int) error {
	sys.MakeRoom(openAtLeast + processes*openPerProcess)
	warmHeap(heapAtLeast + threads*heapPerThread + files*heapPerFile + maps*heapPerMap)
	return warmCode()
}

// warmHeap leaves so many bytes in the heap that are free, and were in use.
func warmHeap(n int) {
	clear(make([]byte, n))
	runtime.GC()
}

// warmCode touches the pages of the executable that hold code and constants.
// unsafe is for making a slice of what is mapped for as long as this process
// lives.
func warmCode() error {
	maps, err := proc.Maps(os.Getpid())
	if err != nil {
		return err
	}
	for i := range maps {
		if m := &maps[i]; m.File() && m.Prot&unix.PROT_WRITE == 0 && m.Prot&unix.PROT_READ != 0 {
			at := uintptr(m.Start)
			runtime.KeepAlive(touch(unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), m.End-m.Start)))
		}
	}
	return nil
}

// touch returns something so that no compiler leaves out what it does.
func touch(b []byte) (sum byte) {
	for i := 0; i < len(b); i += os.Getpagesize() {
		sum += b[i]
	}
	return sum
}
