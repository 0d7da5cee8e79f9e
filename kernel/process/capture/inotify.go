// inotify(7): the kernel tells which inodes are watched, but not by which path
// they were named.

package capture

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"snappipe/kernel/process/image"
	"snappipe/kernel/process/proc"

	"golang.org/x/sys/unix"
)

func (t *fileTable) inotify(o *openFile, d *image.OpenFile) error {
	d.Kind = image.KindInotify
	for _, w := range o.info.Inotify {
		path, err := t.pathOf(w)
		if err != nil {
			return err
		}
		if path == "" {
			return t.lose(o, d, "an inotify set", fmt.Sprintf("no path is found for inode %d, which it watches; root finds all", w.Ino))
		}
		d.Inotify = append(d.Inotify, image.Inotify{WD: w.WD, Mask: w.Mask, Path: image.Text(path)})
	}
	fd, err := t.borrow(o)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	waiting, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	if err != nil {
		return fmt.Errorf("reading how much waits in %s: %w", o.object("an inotify set"), err)
	}
	if waiting > 0 && !t.dry {
		t.c.o.Warn(fmt.Sprintf("dropped: %d bytes of events that fd %d, an inotify set, has not read", waiting, o.fd))
	}
	return nil
}

// watchKey turns the device as fdinfo shows it, major and minor in 12 and 20
// bits, into that of stat(2).
func watchKey(w proc.InotifyWatch) inode {
	return inode{unix.Mkdev(uint32(w.Dev>>20), uint32(w.Dev&0xfffff)), w.Ino}
}

// pathOf returns a path of what is watched, or "" if none is found.
func (t *fileTable) pathOf(w proc.InotifyWatch) (string, error) {
	key := watchKey(w)
	if path, ok := t.watched[key]; ok {
		return path, nil
	}
	if !t.dry {
		return "", nil // the search takes too long for a stopped program
	}
	path := t.byHandle(w)
	if path == "" {
		path = t.byLikelihood(key)
	}
	if path != "" {
		t.watched[key] = path
	}
	return path, nil
}

// byHandle opens it by its handle, for which the privilege to read any
// directory is needed (open_by_handle_at(2)).
func (t *fileTable) byHandle(w proc.InotifyWatch) string {
	raw, err := hex.DecodeString(w.Handle)
	if err != nil || len(raw) == 0 {
		return ""
	}
	mounts, err := os.ReadFile("/proc/" + strconv.Itoa(t.c.pid) + "/mountinfo")
	if err != nil {
		return ""
	}
	device := fmt.Sprintf("%d:%d", w.Dev>>20, w.Dev&0xfffff)
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line) // ID, parent, major:minor, root, mount point: proc_pid_mountinfo(5)
		if len(f) < 5 || f[2] != device {
			continue
		}
		if path := openHandle(unescape(f[4]), unix.NewFileHandle(int32(w.HandleType), raw)); path != "" {
			return path
		}
	}
	return ""
}

func openHandle(mount string, h unix.FileHandle) string {
	m, err := unix.Open(mount, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(m)
	fd, err := unix.OpenByHandleAt(m, h, unix.O_PATH|unix.O_CLOEXEC)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil || !strings.HasPrefix(path, "/") || strings.HasSuffix(path, " (deleted)") {
		return ""
	}
	return path
}

// unescape undoes the octal escapes of white space in mountinfo.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// byLikelihood looks at what the program has to do with: where it is, what it
// has open or mapped, the directories of all of that, and what they hold.
func (t *fileTable) byLikelihood(key inode) string {
	for _, dir := range t.likely() {
		if matches(dir, key) {
			return dir
		}
	}
	for _, dir := range t.likely() {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if path := filepath.Join(dir, e.Name()); matches(path, key) {
				return path
			}
		}
	}
	return ""
}

func (t *fileTable) likely() []string {
	var all []string
	seen := map[string]bool{}
	add := func(path string) {
		for ; strings.HasPrefix(path, "/") && !seen[path]; path = filepath.Dir(path) {
			seen[path] = true
			all = append(all, path)
		}
	}
	for _, link := range []string{"cwd", "exe"} {
		if path, _, err := proc.Link(t.c.pid, link); err == nil {
			add(path)
		}
	}
	for _, o := range t.found {
		add(o.link)
	}
	for _, m := range t.c.before.maps {
		add(m.Path)
	}
	args, _ := proc.Cmdline(t.c.pid)
	for _, a := range args {
		add(filepath.Clean(a))
	}
	for _, dir := range []string{"/tmp", "/var/tmp", "/etc", os.Getenv("HOME")} {
		add(dir)
	}
	return all
}

func matches(path string, key inode) bool {
	var st unix.Stat_t
	return unix.Lstat(path, &st) == nil && st.Dev == key.dev && st.Ino == key.ino
}
