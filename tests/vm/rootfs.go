// A machine with Debian on its disk: ext4, systemd, and an initramfs made by either
// of Debian's makers of them, and the package of this project.

package vm

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"snappipe/tests/tools"
)

// installedModules are those that a machine with Debian on its disk uses.
var installedModules = []string{"virtio_pci", "virtio_blk", "crc32c_generic", "ext4"}

//go:embed obey.sh
var obeyScript []byte

//go:embed obey.service
var obeyService []byte

// maker makes the initramfs of a machine with Debian.
type maker struct {
	packages string            // with commas between
	modules  []string          // that it needs besides
	files    map[string]string // its configuration
	command  func(release string) []string
}

// Both put in only what this machine needs: an emulated one is slow at unpacking.
var (
	initramfsTools = byInitramfsTools("initramfs-tools")
	askingForDisks = byInitramfsTools("initramfs-tools,cryptsetup-initramfs", "dm_crypt", "xts", "algif_skcipher")
	dracut         = maker{"dracut", nil, map[string]string{
		"etc/dracut.conf.d/small.conf": `add_drivers+=" virtio_pci virtio_blk ext4 "` + "\nhostonly=no\ncompress=\"gzip -1\"\n",
	}, func(release string) []string {
		return []string{"dracut", "--quiet", "--force", "/boot/initrd.img-" + release, release}
	}}
)

func byInitramfsTools(packages string, modules ...string) maker {
	return maker{packages, modules, map[string]string{
		"etc/initramfs-tools/conf.d/small": "MODULES=list\nCOMPRESS=gzip\nCOMPRESSLEVEL=1\n",
		"etc/initramfs-tools/modules":      "virtio_pci\nvirtio_blk\next4\n",
	}, func(release string) []string { return []string{"update-initramfs", "-c", "-k", release} }}
}

// Installed returns a disk with Debian that its owner has configured, and the initramfs
// that boots it.
func Installed(t testing.TB, k Kernel, by maker, mib int64, configure func(root string)) (disk, initrd string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skipf("SKIPPED %s: only root can make a root file system", t.Name())
	}
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		t.Skipf("SKIPPED %s: there is no mmdebstrap; on Debian, tests/setup installs it", t.Name())
	}
	root := filepath.Join(t.TempDir(), "root")
	output(t, "", "cp", "-a", debootstrapped(t, k, by), root)
	furnish(t, root)
	for name, text := range by.files {
		install(t, filepath.Join(root, name), []byte(text), 0o644)
	}
	output(t, "", "env", "DEBIAN_FRONTEND=noninteractive", "chroot", root, "apt-get", "install", "-qq", "--no-install-recommends", "/root/snappipe.deb")
	configure(root)
	output(t, "", append([]string{"chroot", root}, by.command(k.Release)...)...)
	disk = newDisk(t, mib)
	output(t, "", "mkfs.ext4", "-q", "-d", root, disk)
	return disk, filepath.Join(root, "boot", "initrd.img-"+k.Release)
}

// debootstrapped makes the file system as far as it can be kept for the next
// time.
func debootstrapped(t testing.TB, k Kernel, by maker) string {
	t.Helper()
	root := filepath.Join(cacheDir(t), "debian-"+k.Release+"-"+by.packages)
	if _, err := os.Stat(root); err == nil {
		return root
	}
	tmp, err := os.MkdirTemp(cacheDir(t), "mmdebstrap-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	output(t, "", "mmdebstrap", "--quiet", "--variant=minbase",
		"--include=systemd-sysv,dbus,udev,kmod,e2fsprogs,"+by.packages, "bookworm", tmp)
	// Of the modules, those that the machine uses.
	for _, m := range modulesOf(t, k, slices.Concat(installedModules, by.modules)...) {
		install(t, filepath.Join(tmp, "lib/modules", k.Release, "kernel", m.path), m.code, 0o644)
	}
	for _, name := range []string{"modules.builtin", "modules.order"} {
		output(t, "", "cp", filepath.Join(k.Modules, "..", name), filepath.Join(tmp, "lib/modules", k.Release))
	}
	output(t, "", "cp", filepath.Join(filepath.Dir(k.Image), "config-"+k.Release), filepath.Join(tmp, "boot"))
	output(t, "", "chroot", tmp, "depmod", k.Release)
	output(t, "", "chroot", tmp, "apt-get", "clean")
	if err := os.Chmod(tmp, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, root); err != nil {
		t.Fatal(err)
	}
	return root
}

// furnish makes it a machine of its own, that obeys.
func furnish(t testing.TB, root string) {
	t.Helper()
	install := func(name string, data []byte, mode os.FileMode) {
		install(t, filepath.Join(root, name), data, mode)
	}
	install("usr/local/bin/witness", read(t, filepath.Join(build(t), "witness")), 0o755)
	install("root/snappipe.deb", read(t, tools.DebianPackage(t, source(t))), 0o644)
	install("etc/fstab", []byte("/dev/vda / ext4 defaults 0 1\n"), 0o644)
	install("etc/hostname", []byte("guest\n"), 0o644)
	install("usr/local/sbin/obey", obeyScript, 0o755)
	install("etc/systemd/system/obey.service", obeyService, 0o644)
	output(t, "", "chroot", root, "systemctl", "-q", "enable", "obey.service")
	output(t, "", "chroot", root, "systemctl", "-q", "mask", "serial-getty@ttyS0.service", "getty@tty1.service")
}

// initrdOf brings out the initramfs that a machine that is off has made.
func initrdOf(t testing.TB, k Kernel, disk string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "initrd")
	output(t, "", "debugfs", "-R", "dump /boot/initrd.img-"+k.Release+" "+name, disk)
	return name
}

func install(t testing.TB, name string, data []byte, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, mode); err != nil {
		t.Fatal(err)
	}
}
