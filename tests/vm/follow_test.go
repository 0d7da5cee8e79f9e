// A machine that goes on, and back, and its disk with it.

package vm

import (
	"os"
	"strings"
	"testing"
)

const (
	saveFollowed = "sh -c 'set -o pipefail; snapcat -v --freeze-filesystems --disk-snapshots | snapcompress -q | snapverify -q -o /dev/vdb'"
	activate     = "tar -xf /dev/vdc -C / && export DM_DISABLE_UDEV=1 && load snapshot && lvm vgchange -q -a y guest"
)

// A machine that writes to a logical volume goes on after its snapshot, loses power,
// and is resumed, with its disk as it was then: time and again from one image. Nothing
// that the disk had acknowledged before is lost, nothing that came later is there, and
// the file system is in order.
func TestDiskSnapshots(t *testing.T) {
	Require(t)
	if _, err := os.Stat("/sbin/lvm"); err != nil {
		t.Skipf("SKIPPED %s: %v; on Debian, tests/setup installs it", t.Name(), err)
	}
	t.Parallel()
	config := Config{Memory: 512, CPUs: 2, Disks: []string{newDisk(t, 300), newDisk(t, 300), diskTools(t), newFilesystem(t, 16)}}
	m := Start(t, config)
	startWitnesses(m, 4)
	m.Run(strings.Replace(activate, "vgchange -q -a y guest", "vgcreate -q guest /dev/vda", 1) +
		" && lvm lvcreate -q -W n -L 128M -n root guest && mkfs.ext4 -q /dev/guest/root && mount /dev/guest/root /mnt")
	m.Run("mount /dev/vdd /tmp")
	if out, status := m.Try(saveFollowed); status != 4 || !strings.Contains(out, "/dev/vdd: it is no logical volume") {
		t.Errorf("with a disk that cannot follow: exit status %d\n%s", status, out)
	}
	m.Run("umount /tmp && echo then > /mnt/what")
	m.Run(writer)
	m.Run("until [ -e /run/synced ] && [ $(cat /run/synced) -gt 20 ]; do sleep 1; done")
	before := hear(t, m)
	save := m.Begin(saveFollowed)
	if out, status := m.End(save); status != 0 {
		t.Fatalf("exit status %d\n%s", status, out)
	}
	for range Times(2, 3) {
		// What comes later, most of it over what was there.
		m.Run("n=$(cat /run/synced); until [ $(cat /run/synced) -gt $n ]; do sleep 1; done")
		m.Run("echo later > /mnt/what && dd if=/dev/urandom of=/mnt/more bs=1M count=20 2> /dev/null && sync")
		m.Kill()

		m = Start(t, config)
		m.Run(activate + " && e2fsck -fn $(ls /dev/mapper/guest-snappipe-* | grep -v cow$)")
		m.Run("snapresume --check /dev/vdb")
		out, status := m.Resume("snapresume /dev/vdb", save)
		if status != 0 {
			t.Fatalf("in the resumed machine, the save ended with %d\n%s", status, out)
		}
		t.Log(out)
		m.Run("grep -q then /mnt/what && ! test -e /mnt/more")
		m.Run("awk '$1 != NR { print \"line \" NR \" is \" $1; exit 1 }' /mnt/log && grep -q ^$(cat /run/synced)$ /mnt/log")
		sameWitnesses(t, m, before)
	}
	m.Run("kill $(cat /run/writer); wait $(cat /run/writer); umount /mnt && e2fsck -fn /dev/guest/root")

	// Given up, the image takes up no space any more, and the disk stays what it is.
	m.Run("snapresume --forget /dev/vdb && ! lvm lvs --noheadings -o lv_name guest | grep snappipe && e2fsck -fn /dev/guest/root")
}
