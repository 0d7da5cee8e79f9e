// An image holds the keys and passwords of what it was taken of, so a new file
// is for its owner alone, whatever the umask is. One that is replaced keeps
// its owner, its mode and its access control list, for those who wrote it
// down: as if it had been written in place.

package file

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

// private is the mode of a file that nobody has asked for another.
const private fs.FileMode = 0o600

// acl is the attribute that an access control list is: acl(5).
const acl = "system.posix_acl_access"

// rights are who may do what with a file.
type rights struct {
	path     string
	uid, gid int
	mode     fs.FileMode
	attrs    map[string][]byte
}

// rightsOf returns the rights of the regular file at path, st.
func rightsOf(path string, st fs.FileInfo) (*rights, error) {
	sys := st.Sys().(*syscall.Stat_t)
	r := &rights{path: path, uid: int(sys.Uid), gid: int(sys.Gid), mode: st.Mode().Perm(), attrs: map[string][]byte{}}
	names, err := attributes(path)
	if err != nil {
		return nil, &fs.PathError{Op: "list the attributes of", Path: path, Err: err}
	}
	for _, name := range names {
		if !keeps(name) {
			continue
		}
		value, err := grown(func(b []byte) (int, error) { return unix.Lgetxattr(path, name, b) })
		if err != nil {
			return nil, &fs.PathError{Op: "read attribute " + name + " of", Path: path, Err: err}
		}
		r.attrs[name] = value
	}
	return r, nil
}

// keeps reports whether the attribute says something of the file rather than of
// what it holds: capabilities and digests of its old content (security.ima)
// are not for the new one.
func keeps(name string) bool {
	return name == acl || strings.HasPrefix(name, "user.") ||
		slices.Contains([]string{"security.selinux", "security.SMACK64"}, name)
}

func attributes(path string) ([]string, error) {
	list, err := grown(func(b []byte) (int, error) { return unix.Llistxattr(path, b) })
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, nil
	}
	return strings.FieldsFunc(string(list), func(r rune) bool { return r == 0 }), err
}

// grown calls get with a buffer that is large enough: the limit of both lists
// and values is 64 KiB, xattr(7).
func grown(get func([]byte) (int, error)) ([]byte, error) {
	b := make([]byte, 64<<10)
	n, err := get(b)
	return b[:max(n, 0)], err
}

// claim gives f the owner and the labels that it is to have: what may be denied
// is asked for before anything is written. Nobody else gets to read it yet.
func (r *rights) claim(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if sys := st.Sys().(*syscall.Stat_t); int(sys.Uid) != r.uid || int(sys.Gid) != r.gid {
		if err := f.Chown(r.uid, r.gid); err != nil {
			return kernel.Refuse(r.path, "name another file, or remove this one first",
				"it belongs to user %d and group %d, for whom it cannot be replaced: %v", r.uid, r.gid, errors.Unwrap(err))
		}
	}
	for name, value := range r.attrs {
		if name == acl {
			continue
		}
		if err := setAttribute(f, name, value); err != nil {
			return kernel.Refuse(r.path, "name another file, or remove this one first",
				"it has attribute %s, which cannot be kept: %v", name, err)
		}
	}
	return nil
}

// grant gives f the mode and the access control list.
func (r *rights) grant(f *os.File) error {
	if err := f.Chmod(r.mode); err != nil {
		return err
	}
	list, has := r.attrs[acl]
	if has {
		return setAttribute(f, acl, list)
	}
	// It may have one from its directory.
	err := control(f, func(fd int) error { return unix.Fremovexattr(fd, acl) })
	if errors.Is(err, unix.ENODATA) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

func setAttribute(f *os.File, name string, value []byte) error {
	return control(f, func(fd int) error {
		has := make([]byte, len(value)+1)
		if n, err := unix.Fgetxattr(fd, name, has); err == nil && string(has[:n]) == string(value) {
			return nil
		}
		return unix.Fsetxattr(fd, name, value, 0)
	})
}

// control calls do with the descriptor of f.
func control(f *os.File, do func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var fault error
	err = conn.Control(func(fd uintptr) { fault = do(int(fd)) })
	return errors.Join(err, fault)
}
