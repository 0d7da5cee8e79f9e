// What objects of sysvipc(7) have in common: an ID that is to be the same again.

package object

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// ask has a twin make a call whose last argument is where to store b.
func ask(twin Twin, b []byte, nr uint64, args ...uint64) (uint64, error) {
	call := ptrace.Call{Nr: nr}
	copy(call.Args[:], args)
	call.Args[len(args)] = twin.Stores(1)
	answer, err := twin.Run([]ptrace.Call{call}, len(b))
	if err != nil {
		return 0, err
	}
	copy(b, answer.Stored)
	return answer.Returned(0)
}

// everyIPC visits all objects of a kind, when what there is to know of one is in st.
// The command info returns the highest index there is, and stat the ID of what has an
// index (shmctl(2), semctl(2), msgctl(2)); neither asks who may know that. The twin
// is asked, for each of which it has to run, unless this process sees the same.
func everyIPC(twin Twin, nr, info, stat uint64, st []byte, visit func(id int) error) error {
	same := seesTheSame(twin.ID())
	command := func(b []byte, index, command uint64) (uint64, error) {
		if same {
			return sys.ControlIPC(nr, index, command, b)
		}
		if nr == unix.SYS_SEMCTL {
			return ask(twin, b, nr, index, 0, command)
		}
		return ask(twin, b, nr, index, command)
	}
	const largest = 64 // of what info stores
	last, err := command(make([]byte, largest), 0, info)
	if errors.Is(err, unix.ENOSYS) {
		return nil // a kernel without
	}
	if err != nil {
		return fmt.Errorf("asking for System V IPC: %w", err)
	}
	for index := range last + 1 {
		id, err := command(st, index, stat)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EIDRM) {
			continue // there is none of this index
		}
		if err == nil {
			err = visit(int(id))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// seesTheSame reports whether a process is in this one's namespaces of such objects, and
// of the process IDs that are said to have used them.
func seesTheSame(pid int) bool {
	for _, kind := range []string{"ipc", "pid"} {
		own, err := proc.Namespace(os.Getpid(), os.Getpid(), kind)
		theirs, e := proc.Namespace(pid, pid, kind)
		if err != nil || e != nil || own != theirs {
			return false
		}
	}
	return true
}

// isInner reports whether an ID, as the processes themselves see it, is that of one of
// them.
func (t *Taker) isInner(pid int) bool {
	return slices.ContainsFunc(t.tasks, func(k *Task) bool { return k.InnerID(k.PID) == pid })
}

// HasIPC reports whether there are such objects in a World.
func HasIPC(w *world.World) bool {
	return len(w.Semaphores) > 0 || slices.ContainsFunc(w.Files, func(f world.File) bool { return f.Segment != nil })
}

// checkIPC finds what no kernel ever said.
func checkIPC(o *world.IPC) error {
	switch {
	case o.ID < 0 || o.ID > 1<<31-1 || o.Key < -1<<31 || o.Key > 1<<31-1:
		return errors.New("has an ID or a key out of range")
	case o.Mode&^permissions != 0:
		return fmt.Errorf("has the mode %#o", o.Mode)
	}
	return nil
}

// askProcess has a process make a call whose last argument is where to store b.
func askProcess(p Process, what string, b []byte, nr uintptr, args ...uint64) error {
	at, err := p.Lay(b)
	if err != nil {
		return err
	}
	if _, err := p.Call(what, nr, append(args, at[0])...); err != nil {
		return err
	}
	return p.Read(b, at[0])
}

// makeIPC makes an object with its ID, by calls in the name of a process. Somebody
// else's may come in between, and get the ID that was chosen for this one.
func (m *Maker) makeIPC(p Process, kind, name string, o *world.IPC, get func() (uint64, error), remove func(id uint64) error) error {
	const tries = 5
	for range tries {
		err := writeTo(p, fmt.Sprintf("/proc/sys/kernel/%s_next_id", kind), strconv.Itoa(o.ID))
		if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
			return kernel.Refuse(name, "--same-pid resumes it in namespaces of its own; or resume it as root", "its ID is not for this user to choose")
		}
		if err != nil {
			return kernel.Refuse(name, "", "choosing its ID: %v", err)
		}
		id, err := get()
		if errors.Is(err, unix.EEXIST) {
			return kernel.Refuse(name, "remove the other, see ipcs(1)", "its key %#x is taken", uint32(o.Key))
		}
		if err != nil {
			return kernel.Refuse(name, "", "making it: %v", err)
		}
		if id == uint64(o.ID) {
			return nil
		}
		if err := remove(id); err != nil {
			return err
		}
	}
	return kernel.Refuse(name, "remove the other, see ipcs(1)", "its ID is taken")
}

// unlessInNamespace has what was made be taken away again if nothing comes of it. With
// a namespace of its own it goes by itself.
func (m *Maker) unlessInNamespace(p Process, undo func() error) error {
	self := os.Getpid()
	own, err := proc.Namespace(self, self, "ipc")
	if err != nil {
		return err
	}
	theirs, err := proc.Namespace(p.PID(), p.PID(), "ipc")
	if err == nil && own == theirs {
		m.undo = append(m.undo, undo)
	}
	return err
}

// writeTo has a process write to a file.
func writeTo(p Process, path, text string) error {
	at, err := p.Lay(append([]byte(path), 0), []byte(text))
	if err != nil {
		return err
	}
	fd, err := p.Call("open", unix.SYS_OPENAT, cwd, at[0], unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	_, err = p.Call("write", unix.SYS_WRITE, fd, at[1], uint64(len(text)))
	_, e := p.Call("close", unix.SYS_CLOSE, fd)
	return errors.Join(err, e)
}

const cwd = ^uint64(99) // AT_FDCWD
