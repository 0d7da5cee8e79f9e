// Saving a machine whose disks are mounted.

package vm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"snappipe/format"
)

// writer appends one number after the other to a file. Those in /run/synced
// the disk has.
const writer = "witness write /mnt/log /run/synced & echo $! > /run/writer"

// saveFrozen runs in a shell of its own, since process 1 cannot be stopped. saveAlone does
// the same in one process, as contrib's service does.
const (
	saveFrozen = "sh -c 'set -o pipefail; snapcat --freeze-filesystems --then %s | snapcompress | snapverify -o /dev/vdb'"
	saveAlone  = "sh -c 'snapcat --freeze-filesystems --drop-caches --then %s --codec zstd --checksums -o /dev/vdb; exit $?'"
)

// text is what a file is full of that need not be in an image.
const text = "this is on a disk as well"

// A machine with a mounted disk that is written to all the time is saved, goes
// off by itself, and is resumed: no write that was on the disk is lost, and
// the file system is in order. Then it is saved again, and the disk mounted
// elsewhere: that is the end of that image. A FAT, which no kernel can freeze, is
// there too.
func TestFreezeFilesystems(t *testing.T) {
	Require(t)
	t.Parallel()
	disk, image := newFilesystem(t, 128), newDisk(t, 300)
	config := Config{Memory: 512, CPUs: 2, Disks: []string{disk, image, newDisk(t, 40)}}

	m := Start(t, config)
	startWitnesses(m, 4)
	m.Run("mount /dev/vda /mnt")
	m.Run("load vfat && mkdosfs /dev/vdc && mkdir -p /boot && mount -t vfat /dev/vdc /boot && echo 1 > /boot/file")
	m.Run(writer)
	m.Run("yes '" + text + "' | dd bs=1M count=40 iflag=fullblock of=/mnt/text; sync && test $(stat -c %s /mnt/text) = 41943040 && md5sum /mnt/text > /run/sum")
	before := hear(t, m)
	save := m.Begin(fmt.Sprintf(saveAlone, "poweroff"))
	m.Off()
	output(t, "", "e2fsck", "-fn", disk)
	if mib := countText(t, image) >> 20; mib > 4 {
		t.Errorf("of a file that is on the disk, %d MiB are in the image", mib)
	}

	m = Start(t, config)
	m.Run("mount -o ro /dev/vda /mnt && cat /mnt/log > /dev/null && umount /mnt")
	m.Run("snapresume --check /dev/vdb") // to read the disk has done no harm
	if out, status := m.Resume("snapresume /dev/vdb", save); status != 0 {
		t.Fatalf("in the resumed machine, the save ended with %d\n%s", status, out)
	}
	sameWitnesses(t, m, before)
	m.Run("n=$(cat /run/synced); sleep 2; test $(cat /run/synced) -gt $n && grep -q ^$n$ /mnt/log")
	m.Run("md5sum -c /run/sum")
	m.Run("echo 2 >> /boot/file && test $(wc -l < /boot/file) = 2")

	m.Begin(fmt.Sprintf(saveFrozen, "reboot"))
	m.Off()
	output(t, "", "e2fsck", "-fn", disk)
	m = Start(t, config)
	m.Run("mount /dev/vda /mnt && echo here > /mnt/file && umount /mnt")
	if out, status := m.Try("snapresume /dev/vdb"); status != 4 || !strings.Contains(out, "/dev/vda: the ext4 file system has been written to") {
		t.Errorf("a disk that was written to: exit status %d\n%s", status, out)
	}
	m.Run("mount /dev/vda /mnt && grep here /mnt/file && umount /mnt")
	m.PowerOff()
	output(t, "", "e2fsck", "-fn", disk)
}

// countText returns how many bytes of an image on a disk are text.
func countText(t *testing.T, disk string) (n int) {
	t.Helper()
	f, err := os.Open(disk)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := format.NewReader(f)
	r.Device = true
	err = r.Each(context.Background(), format.Decompress, func(f *format.Frame) error {
		n += bytes.Count(f.Payload(), []byte(text)) * (len(text) + 1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// What fails leaves a machine that goes on, with its disks.
func TestFreezeThatFails(t *testing.T) {
	Require(t)
	t.Parallel()
	disk := newFilesystem(t, 128)
	m := Start(t, Config{Memory: 512, CPUs: 2, Disks: []string{disk}})
	startWitnesses(m, 4)
	before := hear(t, m)
	m.Run("mount /dev/vda /mnt")
	m.Run(writer)
	for _, c := range []struct{ command, want string }{
		{"snapcat --freeze-filesystems --then poweroff > /mnt/img", "open for writing"},
		{"sh -c 'snapcat --freeze-filesystems --then poweroff | snapverify > /mnt/img'", "open for writing"},
		{"snapcat --freeze-filesystems --then poweroff -o /mnt/new", "open for writing"},
		{"snapcat --freeze-filesystems --then poweroff --codec zstd --checksums -o /dev/vda", "the device is in use"},
		{"sh -c 'set -o pipefail; snapcat --freeze-filesystems --then poweroff | snapverify -o /mnt/new'", "open for writing"},
		{"sh -c 'set -o pipefail; snapcat --freeze-filesystems --then poweroff | snapverify > /dev/full'", "no space left"},
		{"sh -c 'set -o pipefail; snapcat --freeze-filesystems --then poweroff | (cat > /dev/null; exit 1)'", "not stored"},
		{"sh -c 'set -o pipefail; snapcat --freeze-filesystems --then poweroff | head -c 100000 > /dev/null; exit $?'", ""},
	} {
		out, status := m.Try(c.command)
		if status == 0 || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit status %d\n%s", c.command, status, out)
		}
		t.Log(out)
		m.Run("n=$(cat /run/synced); sleep 2; test $(cat /run/synced) -gt $n")
	}
	if out, status := m.Try("sh -c 'snapcat --freeze-filesystems | snapverify > /dev/null'"); status != 0 {
		t.Errorf("to nowhere: exit status %d\n%s", status, out)
	}
	// Killed while the disk is frozen, it cannot thaw it any more; its child
	// can, which has another name.
	m.Run("sh -c 'snapcat --freeze-filesystems | sleep 1000' 2> /run/said &")
	if out, status := m.Try("for i in $(seq 20); do n=$(cat /run/synced); sleep 4; test $n = $(cat /run/synced) && break; done"); status != 0 {
		t.Fatalf("the disk is not frozen: %s%s", out, m.Run("cat /run/said"))
	}
	m.Run("for p in $(pidof snapcat); do grep -qx snapcat /proc/$p/comm && kill -9 $p; done; sleep 4; test $(cat /run/synced) -gt $n")
	sameWitnesses(t, m, before)
}
