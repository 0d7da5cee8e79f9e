// System V IPC that no mapping tells of: memory that nobody has mapped at the moment,
// semaphores, message queues.

package capture

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"
)

func (t *tree) keepIPC() error {
	own, err := t.hasOwnIPC()
	if err != nil {
		return err
	}
	if err := t.files.CheckMessages(own); err != nil {
		return err
	}
	t.img.Semaphores = nil
	if err := t.files.Semaphores(own); err != nil {
		return err
	}
	loose, err := t.files.Loose(own)
	for _, i := range loose {
		if err == nil {
			err = t.keepLoose(&t.img.Files[i])
		}
	}
	return err
}

// hasOwnIPC reports whether the tree is in a namespace that snapresume has made for it.
func (t *tree) hasOwnIPC() (bool, error) {
	own, err := ownNamespaces()
	if err != nil {
		return false, err
	}
	for i, k := range namespaceKinds {
		if k.kind == "ipc" && own[i] != "" {
			theirs, err := proc.Namespace(t.root().twin.PID, t.root().twin.PID, k.kind)
			return theirs != own[i], err
		}
	}
	return false, nil
}

// keepLoose copies shared memory that nobody has mapped, by the twin of the root.
func (t *tree) keepLoose(f *world.File) error {
	const readOnly = 0o10000 // SHM_RDONLY, include/uapi/linux/shm.h
	w, id := t.root().twin, uint64(f.Segment.ID)
	at, err := w.call.Call(unix.SYS_SHMAT, id, 0, readOnly)
	if errors.Is(err, unix.EACCES) {
		return kernel.Refuse(fmt.Sprintf("System V shared memory %d", id), "take it as root", "its mode lets this user not read it")
	}
	if err != nil {
		return fmt.Errorf("mapping System V shared memory %d: %w", id, err)
	}
	size := int64(pages(f.Size))
	// All of it: nobody tells what of it is swapped out.
	copies, err := t.copyRuns(w.Memory, []proc.Run{{Start: at, End: at + uint64(size)}})
	if err != nil {
		return err
	}
	for i := range copies {
		copies[i].start -= at
		copies[i].end -= at
	}
	if _, err := w.call.Call(unix.SYS_SHMDT, at); err != nil {
		return err
	}
	f.Content = len(t.img.Contents)
	t.img.Contents = append(t.img.Contents, world.Content{Size: size})
	t.contents = append(t.contents, content{copies})
	return nil
}
