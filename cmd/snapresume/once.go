// An image that is resumed twice is a danger: the first time, the system goes
// on and changes the world that the image was made in. With --once its
// beginning is erased when all of it has been verified, right before it is
// resumed.

package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"snappipe/cmd/internal/tool"
)

// head is how much is erased: the first frame does not survive it.
const head = 4096

// spend erases the beginning of the image at path. undo brings it back, for
// when nothing was resumed after all.
func spend(path string) (undo func() error, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	was := make([]byte, head)
	n, err := f.ReadAt(was, 0)
	if err != nil && (err != io.EOF || n == 0) {
		return nil, fmt.Errorf("read the image's beginning: %w", err)
	}
	was = was[:n]
	if err := put(f, make([]byte, n)); err != nil {
		return nil, errors.Join(fmt.Errorf("erase the image's beginning: %w", err), put(f, was))
	}
	return func() error { return putBack(path, was) }, nil
}

func putBack(path string, was []byte) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("put back the image's beginning: %w", err)
	}
	if err = errors.Join(put(f, was), f.Close()); err != nil {
		return fmt.Errorf("put back the image's beginning: %w", err)
	}
	return nil
}

// put writes to the beginning of f, and through to the disk.
func put(f *os.File, b []byte) error {
	_, err := f.WriteAt(b, 0)
	if err == nil {
		err = f.Sync()
	}
	return err
}

// checkOnce: only what has a name can be erased.
func checkOnce(c *tool.Call) error {
	if c.Bool("once") && !c.Args().Present() {
		return tool.Usage("name the image as an argument", "--once needs to know which file or device to erase")
	}
	return nil
}
