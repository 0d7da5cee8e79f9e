// Files that say whom to trust, and files that must stay secret.

package trust

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"snappipe/kernel"
)

// keyFile is a file of keys that has been read.
type keyFile struct {
	path string
	mode os.FileMode
	text []byte
}

// maxFile is how long a file of keys may be.
const maxFile = 16 << 20

// readKeys reads a file once: it may be a pipe.
func readKeys(path string) (*keyFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("%s: it is too long for a file of keys", path)
	}
	return &keyFile{path, st.Mode(), b}, nil
}

// readTrusted reads a file that says whom to trust. One that everybody can write
// to says nothing; and nobody is to be told to change that of a device.
func readTrusted(path string) ([]byte, error) {
	f, err := readKeys(path)
	if err != nil {
		return nil, err
	}
	if f.mode&0o002 != 0 {
		advice := ""
		if f.mode.IsRegular() {
			advice = "chmod o-w " + path
		}
		return nil, kernel.Refuse(path, advice, "everybody can write to it")
	}
	return f.text, nil
}

// secret returns an error if others than the owner can read the file: as for
// ssh(1), the key in it is a secret no longer.
func (f *keyFile) secret() error {
	if f.mode&0o077 != 0 {
		return kernel.Refuse(f.path, "chmod 600 "+f.path+", or make a new key", "others than its owner can read it")
	}
	return nil
}

// systemFile returns an error unless path is a file that nobody but root can have written,
// or put where it is. One of another kind could keep a machine waiting while it boots.
func systemFile(path string) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	for _, name := range []string{filepath.Dir(path), path, filepath.Dir(real)} {
		st, err := os.Stat(name)
		if err != nil {
			return err
		}
		if name == path && !st.Mode().IsRegular() {
			return kernel.Refuse(path, "", "it is no file")
		}
		if owner := st.Sys().(*syscall.Stat_t).Uid; owner == 0 && st.Mode()&0o022 == 0 {
			continue
		}
		if real != path && name == filepath.Dir(real) {
			return kernel.Refuse(path, "put a copy there", "it leads to %s, which others than root can write to", name)
		}
		return kernel.Refuse(name, "chown root "+name+"; chmod go-w "+name, "others than root can write to it")
	}
	return nil
}
