// What is refused, whichever the way.

package linux

import (
	"os/exec"
	"strings"
	"testing"

	"snappipe/tests/vm"
)

// The guards are of the machine, not of the way in: with the calls they refuse
// what they refuse with /dev/snapshot, and say the same. The machine goes on.
func TestRefusals(t *testing.T) {
	vm.Require(t)
	t.Parallel()
	mounted, slow := emptyDisk(t, 64), emptyDisk(t, 64)
	if out, err := exec.Command("/sbin/mkfs.ext2", "-q", mounted).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext2: %v\n%s", err, out)
	}
	m := start(t, plain, vm.Config{Memory: 512, CPUs: 2, Disks: []string{mounted, emptyDisk(t, 512)}, Args: []string{
		"-drive", "file=" + slow + ",if=none,id=slow,format=raw,throttling.bps-total=4096", "-device", "virtio-blk-pci,drive=slow"}})
	m.Run("echo 2000 > /sys/power/pm_freeze_timeout; mount -o remount,size=90% /run")
	m.Run("snapcat | snapverify > /dev/vdb")
	const (
		take   = "snapcat > /dev/null"
		resume = "snapresume /dev/vdb"
		raw    = "snapresume --raw --force --to machine /dev/vdb"
	)
	for _, c := range []struct {
		before, command, after string
		status                 int
		want                   string
	}{
		{"mount /dev/vda /mnt", take, "umount /mnt", 4, "/dev/vda (ext2 on /mnt)"},
		{"mount /dev/vda /mnt", resume, "umount /mnt", 4, "/dev/vda (ext2 on /mnt)"},
		{"sleep 1000 < /dev/snapshot & sleep 1", take, "kill $!; wait $!; true", 4, "(sleep)"},
		{"sleep 1000 < /dev/snapshot & sleep 1", resume, "kill $!; wait $!; true", 4, "(sleep)"},
		{"dd if=/dev/vdd of=/dev/null bs=256k count=1 2> /dev/null & sleep 1", take, "true", 4, "(dd)"},
		{"true", resume, "kill $!; wait $!; true", 4, "(dd)"},
		{"true", "su nobody -c '" + take + "'", "true", 4, "no permission"},
		{"echo freezer > /sys/power/pm_test", take, "echo none > /sys/power/pm_test", 4, "/sys/power/pm_test"},
		{"dd if=/dev/urandom of=/run/much bs=1M count=270 2> /dev/null", take, "rm /run/much", 4, "no more than half can be in an image"},
		{"dd if=/dev/urandom of=/run/much bs=1M count=380 2> /dev/null", resume, "rm /run/much", 4, "MiB are free"},
		{"true", raw, "true", 4, "does not begin with the flat image of a machine"},
		{"true", strings.Replace(raw, "--force", "", 1), "true", 4, "does not say what kernel"},
		{"true", "snapresume --check /dev/vdb", "true", 0, "would go on with a machine of"},
		{"snapcat --raw > /run/flat", "snapresume --check --raw --force --to machine /run/flat", "true", 0, "would go on with a machine of"},
		// The kernel looks at its own magic number.
		{"printf x | dd of=/run/flat bs=1 seek=24 conv=notrunc 2> /dev/null", "snapresume --raw --force --to machine /run/flat", "rm /run/flat", 4, "the kernel does not take it"},
		{"printf x | dd of=/dev/vdb bs=1 seek=2000000 conv=notrunc 2> /dev/null", resume, "true", 3, "damaged"},
	} {
		m.Run(c.before)
		out, status := m.Try(c.command)
		m.Run(c.after)
		if status != c.status || !strings.Contains(out, c.want) {
			t.Errorf("%s; %s: exit status %d, and not: %s\n%s", c.before, c.command, status, c.want, out)
		}
	}
	m.Run("/tmp/linus")
}
