// Disks as installers lay them out.

package vm

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layout is how the first disk of a machine is divided up. In the guest, root is
// the device with its file system, and swap that of its swap area.
type layout struct {
	firmware func(testing.TB) []string // QEMU's arguments
	host     func(t testing.TB) (disk string)
	guest    string // makes the rest, once
	attach   string // makes the devices be there, after each boot
	mount    string // what is mounted on /mnt/boot, if anything
	root     string
	swap     string
}

// unlock opens the encrypted disk and finds what is on it. There is no udev to
// wait for.
const unlock = "export DM_DISABLE_UDEV=1; load crypt && echo -n key | cryptsetup open --key-file - /dev/vda crypt && lvm vgchange -q -a y guest"

// slowly makes a root, and swap that takes three seconds to be on its disk, for which
// a thread of the kernel has it that is not stopped while an image is made. That is
// longer than it takes from there until disks stand still.
const slowly = "export DM_DISABLE_UDEV=1; load delay && echo 0 196608 delay /dev/vda 0 0 | dmsetup create root" +
	" && echo 0 983040 delay /dev/vda 196608 0 /dev/vda 196608 3000 | dmsetup create swap"

var layouts = map[string]layout{
	"LVM on LUKS": {
		host: func(t testing.TB) string { return newDisk(t, 700) },
		guest: "export DM_DISABLE_UDEV=1; load crypt && echo -n key | cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file - /dev/vda" +
			" && echo -n key | cryptsetup open --key-file - /dev/vda crypt && lvm vgcreate -q guest /dev/mapper/crypt" +
			" && lvm lvcreate -q -W n -L 96M -n root guest && lvm lvcreate -q -W n -L 480M -n swap guest && mkfs.ext4 -q /dev/guest/root && mkswap /dev/guest/swap",
		attach: unlock,
		root:   "/dev/mapper/guest-root",
		swap:   "/dev/mapper/guest-swap",
	},
	"slow swap": {
		host:   func(t testing.TB) string { return newDisk(t, 700) },
		guest:  slowly + " && mkfs.ext4 -q /dev/mapper/root && mkswap /dev/mapper/swap",
		attach: slowly,
		root:   "/dev/mapper/root",
		swap:   "/dev/mapper/swap",
	},
	"UEFI": {
		firmware: uefi,
		host:     partitioned,
		guest:    "mkfs.ext4 -q /dev/vda2 && mkswap /dev/vda3 && load vfat && mkdosfs /dev/vda1",
		attach:   "load vfat",
		mount:    "/dev/vda1",
		root:     "/dev/vda2",
		swap:     "/dev/vda3",
	},
}

// A machine whose disk an installer has divided up, and that swaps, is saved while
// it writes, and resumed: no write that was on the disk is lost, and the file system
// is in order.
func TestInstallersDisks(t *testing.T) {
	Require(t)
	for _, tool := range []string{"/sbin/cryptsetup", "/sbin/dmsetup", "/sbin/lvm", "/sbin/sgdisk", ovmf + "OVMF_CODE_4M.fd"} {
		if _, err := os.Stat(tool); err != nil {
			t.Skipf("SKIPPED %s: %v; on Debian, tests/setup installs it", t.Name(), err)
		}
	}
	guests := map[string][]func(testing.TB) Kernel{
		"LVM on LUKS": {Debian, DebianOlder, DebianCloud},
		"slow swap":   {DebianCloud, Debian, DebianOlder},
		"UEFI":        {DebianCloud, Debian, DebianOlder},
	}
	for name, l := range layouts {
		for _, debian := range guests[name][:Times(1, 3)] {
			k := debian(t)
			t.Run(name+", "+k.Release, func(t *testing.T) {
				t.Parallel()
				l.saveAndResume(t, k)
			})
		}
	}
}

func (l layout) saveAndResume(t *testing.T, k Kernel) {
	config := Config{Memory: 512, CPUs: 2, Kernel: k, Disks: []string{l.host(t), newDisk(t, 300), diskTools(t)}}
	if l.firmware != nil {
		config.Args = l.firmware(t)
	}
	const tools = "tar -xf /dev/vdc -C /"
	m := Start(t, config)
	startWitnesses(m, 4)
	m.Run(tools + " && " + l.guest)
	m.Run("mount " + l.root + " /mnt && swapon " + l.swap)
	if l.mount != "" {
		m.Run("mkdir /mnt/boot && mount -t vfat " + l.mount + " /mnt/boot && echo 1 > /mnt/boot/file")
	}
	m.Run(Hog(0.4))
	m.Run(writer)
	before := hear(t, m)
	save := m.Begin(saveTo("/dev/vdb"))
	m.Off()

	m = Start(t, config)
	if strings.HasPrefix(l.root, "/dev/mapper/") {
		if out, status := m.Try("snapresume --check /dev/vdb"); status != 4 || !strings.Contains(out, "not there now") {
			t.Errorf("before its disk is unlocked: exit status %d\n%s", status, out)
		}
	}
	m.Run(tools + " && " + l.attach + " && e2fsck -fn " + l.root)
	if out, status := m.Try("swapon " + l.swap); status == 0 {
		t.Errorf("swapon takes the area of a saved machine: %s", out)
	}
	out, status := m.Resume("snapresume --once /dev/vdb", save)
	if status != 0 {
		t.Fatalf("in the resumed machine, the save ended with %d\n%s", status, out)
	}
	t.Log(out)
	stillThere(t, m)
	sameWitnesses(t, m, before)
	m.Run("n=$(cat /run/synced); sleep 2; test $(cat /run/synced) -gt $n && grep -q ^$n$ /mnt/log")
	if l.mount != "" {
		m.Run("echo 2 >> /mnt/boot/file && test $(wc -l < /mnt/boot/file) = 2 && umount /mnt/boot")
	}
	m.Run(Unhog)
	m.Run("kill $(cat /run/writer); wait $(cat /run/writer); swapoff " + l.swap + " && umount /mnt && e2fsck -fn " + l.root)
	m.PowerOff()
}

// Where nothing can be paged out before the image is made, swap that has to be waited
// for is refused, and the machine goes on.
func TestSwapThatCannotBeWaitedFor(t *testing.T) {
	Require(t)
	t.Parallel()
	l := layouts["slow swap"]
	m := Start(t, Config{Memory: 512, CPUs: 2, Append: "cgroup_disable=memory", Disks: []string{l.host(t), newDisk(t, 8), diskTools(t)}})
	m.Run("tar -xf /dev/vdc -C / && " + l.guest + " && swapon " + l.swap)
	m.Run(Hog(0.4))
	out, status := m.Try("sh -c 'set -o pipefail; snapcat --freeze-filesystems | snapverify > /dev/vdb'")
	if status != 4 || !strings.Contains(out, l.swap+" (swap): it does not lie on its disk by itself") {
		t.Errorf("exit status %d\n%s", status, out)
	}
	stillThere(t, m)
	m.Run(Unhog + "; swapoff " + l.swap)
}

// partitioned is a disk with a partition for the firmware, a root and swap.
func partitioned(t testing.TB) string {
	disk := newDisk(t, 700)
	output(t, "", "sgdisk", "-n", "1:0:+40M", "-t", "1:ef00", "-n", "2:0:+96M", "-n", "3:0:0", "-t", "3:8200", disk)
	return disk
}

const ovmf = "/usr/share/OVMF/"

// uefi is OVMF, with variables of the guest's own.
func uefi(t testing.TB) []string {
	vars := filepath.Join(t.TempDir(), "vars")
	output(t, "", "cp", ovmf+"OVMF_VARS_4M.fd", vars)
	return []string{"-drive", "if=pflash,unit=0,format=raw,readonly=on,file=" + ovmf + "OVMF_CODE_4M.fd",
		"-drive", "if=pflash,unit=1,format=raw,file=" + strings.ReplaceAll(vars, ",", ",,")}
}

// diskTools is a disk with the programs that make and check what is on others.
func diskTools(t testing.TB) string {
	t.Helper()
	return toolsDisk(t, "sbin/lvm", "sbin/dmsetup", "sbin/cryptsetup", "sbin/mke2fs", "sbin/mkfs.ext4", "sbin/e2fsck")
}

// toolsDisk is a disk with programs of this system, as an archive, with the libraries
// that they need.
func toolsDisk(t testing.TB, files ...string) string {
	t.Helper()
	for _, f := range slices.Clone(files) {
		for word := range strings.FieldsSeq(output(t, "", "ldd", "/"+f)) {
			if lib := strings.TrimPrefix(word, "/"); lib != word && !slices.Contains(files, lib) {
				files = append(files, lib)
			}
		}
	}
	name := filepath.Join(t.TempDir(), "tools.tar")
	output(t, "/", append([]string{"tar", "--dereference", "--transform=s,^\\(usr/\\)\\?s\\?bin/,bin/,", "-cf", name}, files...)...)
	return name
}
