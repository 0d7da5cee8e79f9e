// What --once erases, and when.

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// What is spent can be put back, and is not held open: the program that is
// resumed may live for years.
func TestSpend(t *testing.T) {
	for _, size := range []int{1, head, 3 * head} {
		path := filepath.Join(t.TempDir(), "img")
		whole := bytes.Repeat([]byte{7}, size)
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		undo, err := spend(path)
		if err != nil {
			t.Fatal(err)
		}
		if held := holding(t, path); held {
			t.Errorf("%d bytes: the image is held open", size)
		}
		spent, err := os.ReadFile(path)
		if n := min(size, head); err != nil || !bytes.Equal(spent[:n], make([]byte, n)) || !bytes.Equal(spent[n:], whole[n:]) {
			t.Errorf("%d bytes: not what is to be erased was erased, %v", size, err)
		}
		if err := undo(); err != nil {
			t.Fatal(err)
		}
		if back, err := os.ReadFile(path); err != nil || !bytes.Equal(back, whole) {
			t.Errorf("%d bytes: it did not come back, %v", size, err)
		}
	}
	if _, err := spend(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("what is not there was erased")
	}
}

func holding(t *testing.T, path string) bool {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%s", fd.Name())); err == nil && to == path {
			return true
		}
	}
	return false
}
