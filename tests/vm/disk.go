// Disks of a guest: files of the host.

package vm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
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

// hangingDisk is one that a program of its own has: stopped, it answers nothing.
type hangingDisk struct {
	file   string
	server *exec.Cmd
	Args   []string // to QEMU, which makes it the guest's next /dev/vd
}

func newHangingDisk(t testing.TB, mib int64) *hangingDisk {
	t.Helper()
	d := &hangingDisk{file: newDisk(t, mib)}
	socket := d.file + ".nbd"
	d.server = exec.Command("qemu-storage-daemon",
		"--blockdev", "driver=file,node-name=disk,filename="+d.file,
		"--nbd-server", "addr.type=unix,addr.path="+socket,
		"--export", "type=nbd,id=disk,node-name=disk,writable=on")
	d.server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.server.Process.Kill()
		d.server.Wait()
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("qemu-storage-daemon does not come up")
		}
	}
	d.Args = []string{"-drive", "file=nbd+unix:///disk?socket=" + socket + ",if=none,id=hanging,format=raw", "-device", "virtio-blk-pci,drive=hanging"}
	return d
}

// hang stops the disk as soon as so much has been written to it.
func (d *hangingDisk) hang(t testing.TB, bytes int64) {
	t.Helper()
	const block = 512 // of st_blocks: stat(2)
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		var st syscall.Stat_t
		if err := syscall.Stat(d.file, &st); err != nil {
			t.Fatal(err)
		}
		if st.Blocks*block >= bytes {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("only %d bytes are written to the disk", st.Blocks*block)
		}
	}
	d.signal(t, syscall.SIGSTOP)
}

// goOn has it answer again.
func (d *hangingDisk) goOn(t testing.TB) { d.signal(t, syscall.SIGCONT) }

func (d *hangingDisk) signal(t testing.TB, s os.Signal) {
	t.Helper()
	if err := d.server.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}
