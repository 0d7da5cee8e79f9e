// Disks of a guest: files of the host.

package vm

import (
	"os"
	"path/filepath"
	"testing"
)

// newDisk makes an empty disk.
func newDisk(t testing.TB, mib int64) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "disk")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(mib << 20); err != nil {
		t.Fatal(err)
	}
	return name
}

// newFilesystem makes a disk with an ext4 file system.
func newFilesystem(t testing.TB, mib int64) string {
	t.Helper()
	disk := newDisk(t, mib)
	output(t, "", "mkfs.ext4", "-q", disk)
	return disk
}
