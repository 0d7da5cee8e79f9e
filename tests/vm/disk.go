// Disks of a guest: files of the host.

package vm

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// bus is what a guest's disks are attached to, and what that needs.
type bus struct {
	modules []string
	device  string // QEMU's, with the number of the disk
	name    string // the guest's, with the number or a letter of the disk
	letters bool
}

// buses are those of Config.Bus.
var buses = map[string]bus{
	"":     {[]string{"virtio_blk"}, "virtio-blk-pci,drive=disk%d", "/dev/vd%c", true},
	"nvme": {[]string{"nvme"}, "nvme,drive=disk%[1]d,serial=%[1]d", "/dev/nvme%dn1", false},
	"ahci": {[]string{"ahci", "sd_mod"}, "ide-hd,drive=disk%[1]d,bus=ide.%[1]d", "/dev/sd%c", true},
}

// disk is what the guest calls the disk with this number.
func (b bus) disk(number int) string {
	if b.letters {
		return fmt.Sprintf(b.name, 'a'+number)
	}
	return fmt.Sprintf(b.name, number)
}

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
