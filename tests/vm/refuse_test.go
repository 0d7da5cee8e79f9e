// What stands in the way of a snapshot.

package vm

import (
	"strings"
	"testing"
)

// Everything that stands in the way of a snapshot is refused by name, and the
// machine goes on.
func TestSnapshotRefused(t *testing.T) {
	Require(t)
	t.Parallel()
	m := Start(t, Config{Memory: 1024, CPUs: 2, Disks: []string{newFilesystem(t, 64), newDisk(t, 64)}})
	startWitnesses(m, 1)
	before := hear(t, m)
	for _, c := range []struct{ name, before, after, want string }{
		{"mounted", "mount /dev/vda /mnt", "umount /mnt",
			"/dev/vda (ext4 on /mnt): mounted for writing"},
		{"mounted where others do not see it", "unshare -m sh -c 'mount --make-rprivate / 2>/dev/null; mount /dev/vda /mnt; exec sleep 1000' & until grep -qs /dev/vda /proc/$!/mountinfo; do usleep 10000; done", "kill $!; wait $!; true",
			"/dev/vda (ext4 on /mnt)"},
		{"swap", "mkswap /dev/vdb >/dev/null && swapon /dev/vdb", "swapoff /dev/vdb",
			"/dev/vdb (swap): in use"},
		{"the device in use", "sleep 1000 < /dev/snapshot & until readlink /proc/$!/fd/0 | grep -q snapshot; do usleep 10000; done", "kill $!; wait $!; true",
			"(sleep)"},
		{"no device", "mv /dev/snapshot /dev/elsewhere", "mv /dev/elsewhere /dev/snapshot",
			"no such device"},
		// It waits for a file system in memory, which somebody has frozen.
		{"a task that sleeps and cannot be woken", "mke2fs /dev/ram0 > /dev/null && mount -t ext4 /dev/ram0 /mnt && fsfreeze --freeze /mnt && { touch /mnt/file & until grep -q ' D ' /proc/$!/stat; do usleep 10000; done; }", "fsfreeze --unfreeze /mnt && wait $! && umount /mnt",
			"in uninterruptible sleep: pid"},
		{"more in use than the kernel can double", Hog(0.6), Unhog,
			"cannot make an atomic image: of "},
		{"more in use than can be there three times", Hog(0.44), Unhog,
			"the image has "},
	} {
		m.Run(c.before)
		out, status := m.Try("snapcat > /run/img")
		m.Run(c.after)
		if status != 4 || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit status %d\n%s", c.name, status, out)
		}
		t.Logf("%s: %s", c.name, out)
	}
	// What is advised then helps: the kernel compresses in memory what is in use.
	m.Run("load zram && echo 800M > /sys/block/zram0/disksize && mkswap /dev/zram0 > /dev/null && swapon /dev/zram0")
	m.Run(Hog(0.8))
	if out, status := m.Try("snapcat -v > /dev/null"); status != 0 || !strings.Contains(out, "MiB were swapped out to make room") {
		t.Errorf("with zram: exit status %d\n%s", status, out)
	}
	stillThere(t, m)
	m.Run(Unhog + "; swapoff /dev/zram0")
	if out, status := m.Try("su nobody -c 'snapcat > /dev/null'"); status != 4 || !strings.Contains(out, "no permission") {
		t.Errorf("no privilege: exit status %d\n%s", status, out)
	}
	sameWitnesses(t, m, before)

	twoAtOnce(t, m)
	if out, status := m.Try("mount -o ro /dev/vda /mnt && snapcat | snapverify > /run/img && snapresume --check /run/img && umount /mnt && rm /run/img"); status != 0 {
		t.Errorf("mounted read-only: exit status %d\n%s", status, out)
	}
	sameWitnesses(t, m, before)

	// Last, since there is no way back.
	m.Run("echo integrity > /sys/kernel/security/lockdown")
	for _, command := range []string{"snapcat > /run/img", "snapcat file:/bin/busybox | snapresume --force --to machine"} {
		if out, status := m.Try(command); status != 4 || !strings.Contains(out, "[integrity]") {
			t.Errorf("%s, locked down: exit status %d\n%s", command, status, out)
		}
	}
}

// twoAtOnce: one may have to give way, because the other has the device or its
// image has the memory, but neither hangs nor fails.
func twoAtOnce(t *testing.T, m *Machine) {
	for range 3 {
		out := m.Run("snapcat -q > /dev/null 2> /run/first & p=$!; snapcat -q > /dev/null 2> /run/second; echo $?; wait $p; echo $?; cat /run/first /run/second")
		first, rest, _ := strings.Cut(out, "\n")
		second, rest, _ := strings.Cut(rest, "\n")
		switch first + second {
		case "00":
		case "04", "40":
			if !strings.Contains(rest, "/dev/snapshot: it is in use") && !strings.Contains(rest, "memory: the image has") {
				t.Error(out)
			}
		default:
			t.Error(out)
		}
		t.Logf("two at once: %s", out)
	}
}

func TestSnapshotWithoutHibernation(t *testing.T) {
	Require(t)
	t.Parallel()
	m := Start(t, Config{Memory: 512, Append: "nohibernate"})
	if out, status := m.Try("snapcat > /run/img"); status != 4 || !strings.Contains(out, "it was booted with nohibernate") {
		t.Errorf("exit status %d\n%s", status, out)
	}
}
