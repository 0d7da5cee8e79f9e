// Package file is the kernel of files and block devices: a snapshot is what
// the file holds, a resume writes it to a file or a device again.
//
// It brings in images that were made elsewhere, takes images out for other
// programs, and lets the whole pipeline be tried without any privilege.
//
// Its [Create] is also how every tool writes a file that it was told the name
// of.
package file

import (
	"fmt"
	"os"

	"snappipe/kernel"
)

func init() { kernel.Register("file", "file:PATH", open) }

// target is the file at path.
type target struct {
	path string
	opts kernel.Options
}

func open(path string, o kernel.Options) (kernel.Kernel, error) {
	if path == "" {
		return nil, &kernel.TargetError{Target: "file", Reason: "it does not say which file: file:PATH does, and file:- is standard input or output"}
	}
	if fd, ok := Handed(path, 1); ok && fd == 1 && o.Detach {
		return nil, &kernel.TargetError{Target: "file:" + path, Reason: "it is where --detach prints what was resumed"}
	}
	return &target{path, o}, nil
}

// kind names what is neither a regular file nor a block device, for messages.
func kind(m os.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&os.ModeNamedPipe != 0:
		return "a pipe"
	case m&os.ModeSocket != 0:
		return "a socket"
	case m&os.ModeCharDevice != 0:
		return "a character device"
	}
	return fmt.Sprintf("of type %v", m.Type())
}

// isBlock reports whether m is the mode of a block device.
func isBlock(m os.FileMode) bool {
	return m&os.ModeDevice != 0 && m&os.ModeCharDevice == 0
}
