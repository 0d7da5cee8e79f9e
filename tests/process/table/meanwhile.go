// What can happen to files between a snapshot and its resume.

package table

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// longer lets more time pass than programs take for the same time.
func longer(string) error {
	time.Sleep(time.Second)
	return nil
}

// much lets some seconds pass.
func much(string) error {
	time.Sleep(2500 * time.Millisecond)
	return nil
}

// remove removes a file.
func remove(name string) func(dir string) error {
	return func(dir string) error { return os.Remove(filepath.Join(dir, name)) }
}

// removeSegment removes the System V shared memory whose ID is in the file "segment", if
// it is there still.
func removeSegment(dir string) error {
	return removeIPC(dir, "segment", func(id int) error {
		_, err := unix.SysvShmCtl(id, unix.IPC_RMID, nil)
		return err
	})
}

// removeSemaphores removes those whose ID is in the file "semaphores".
func removeSemaphores(dir string) error {
	return removeIPC(dir, "semaphores", func(id int) error {
		if _, _, e := unix.Syscall6(unix.SYS_SEMCTL, uintptr(id), 0, unix.IPC_RMID, 0, 0, 0); e != 0 {
			return e
		}
		return nil
	})
}

func removeIPC(dir, name string, remove func(id int) error) error {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	id, err := strconv.Atoi(string(b))
	if err != nil {
		return err
	}
	if err = remove(id); errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EIDRM) {
		return nil
	}
	return err
}

// overwrite puts other bytes into "file", in place.
func overwrite(dir string) error {
	name := filepath.Join(dir, "file")
	st, err := os.Stat(name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(bytes.Repeat([]byte{'!'}, int(st.Size())))
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// shorten cuts "file" off.
func shorten(dir string) error { return os.Truncate(filepath.Join(dir, "file"), 3) }

// replaceLibrary puts another file in the place of the mathematical library,
// as a package manager does.
func replaceLibrary(dir string) error {
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("another version"), 0o644); err != nil {
		return err
	}
	return os.Rename(other, filepath.Join(dir, "lib", "libm.so.6"))
}

// rename has "file" at another name, as a log that is rotated, in whose place
// there may be a new one.
func rename(to string, anew bool) func(dir string) error {
	return func(dir string) error {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, to)), 0o777); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(dir, "file"), filepath.Join(dir, to)); err != nil || !anew {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "file"), []byte("a new one that is longer"), 0o644)
	}
}

// replaceDirectory puts another in the place of the directory "file".
func replaceDirectory(dir string) error {
	name := filepath.Join(dir, "file")
	if err := os.RemoveAll(name); err != nil {
		return err
	}
	return os.Mkdir(name, 0o755)
}

// replace puts another file in the place of "file", as editors do.
func replace(dir string) error {
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("another file that is longer"), 0o644); err != nil {
		return err
	}
	return os.Rename(other, filepath.Join(dir, "file"))
}
