// A machine that swaps is saved and resumed, or its image is given up.

package vm

import (
	"regexp"
	"strings"
	"testing"
)

// swapOn makes three areas, each of a lower priority than the one before: in
// memory, in a file of a mounted disk, and on a disk of its own.
const swapOn = "load zram && echo 16M > /sys/block/zram0/disksize && mkswap /dev/zram0 > /dev/null && swapon /dev/zram0" +
	" && mount /dev/vda /mnt && dd if=/dev/zero of=/mnt/swap bs=1M count=64 2> /dev/null && chmod 600 /mnt/swap && mkswap /mnt/swap > /dev/null && swapon /mnt/swap" +
	" && mkswap /dev/vdb > /dev/null && swapon /dev/vdb"

// saveTo saves the machine and switches it off.
func saveTo(disk string) string {
	return "sh -c 'set -o pipefail; snapcat -v --freeze-filesystems --then poweroff | snapcompress | snapverify > " + disk + "'"
}

// stillThere fails unless what the hog has in memory is as it was.
func stillThere(t *testing.T, m *Machine) {
	t.Helper()
	m.Run("touch /run/look; until [ -e /run/seen ]; do sleep 1; done")
	if seen := m.Run("cat /run/seen && rm /run/seen"); seen != "0 words are wrong\n" {
		t.Errorf("what was in memory has changed: %s", seen)
	}
}

// tooLittleSwap has the numbers, and what helps.
var tooLittleSwap = regexp.MustCompile(`(?s)of \d+ MiB in all, \d+ MiB are in use.*no more than a third, \d+ MiB.*end programs that have some \d+ MiB, or add swap for as much, of which \d+ MiB are free`)

// A machine most of whose memory is in use, and then nearly all of it, and that
// swaps to several areas, is saved and resumed. As long as it is saved, nobody can
// swap to its areas. Where the areas are too small, it is refused with the numbers.
func TestSwap(t *testing.T) {
	Require(t)
	t.Parallel()
	disk := newFilesystem(t, 160)
	config := Config{Memory: 512, CPUs: 2, Disks: []string{disk, newDisk(t, 800), newDisk(t, 400)}}

	m := Start(t, config)
	startWitnesses(m, 4)
	m.Run(swapOn)
	for _, share := range []float64{0.8, 0.95} {
		m.Run(Hog(share))
		before := hear(t, m)
		save := m.Begin(saveTo("/dev/vdc"))
		m.Off()
		output(t, "", "e2fsck", "-fn", disk)

		m = Start(t, config)
		if out, status := m.Try("swapon /dev/vdb"); status == 0 {
			t.Errorf("swapon takes the area of a saved machine: %s", out)
		}
		out, status := m.Resume("snapresume --once /dev/vdc", save)
		if status != 0 {
			t.Fatalf("in the resumed machine, the save ended with %d\n%s", status, out)
		}
		t.Logf("%v in use: %s", share, out)
		stillThere(t, m)
		sameWitnesses(t, m, before)
		m.Run(Unhog)
	}
	m.Run("swapoff /dev/vdb && swapoff /mnt/swap && swapon /mnt/swap")
	m.Run(Hog(0.8))
	out, status := m.Try("sh -c 'set -o pipefail; snapcat --freeze-filesystems | snapverify > /dev/vdc'")
	if status != 4 || !tooLittleSwap.MatchString(out) {
		t.Errorf("with too little swap: exit status %d\n%s", status, out)
	}
	t.Log(out)
	m.Run(Unhog)
	m.Run("swapon /dev/vdb")

	// Given up, area by area or with the image, that is lost, and the areas are as
	// good as ever.
	m.Begin(saveTo("/dev/vdc"))
	m.Off()
	m = Start(t, config)
	for _, c := range []struct {
		before string
		status int
		want   string
	}{
		{"snapresume --forget /dev/vdb && swapon /dev/vdb && swapoff /dev/vdb", 4, "given back or used since"},
		{"snapresume --forget /dev/vdc && mount /dev/vda /mnt && swapon /mnt/swap && swapoff /mnt/swap && umount /mnt", 3, "has erased the image's beginning"},
	} {
		m.Run(c.before)
		if out, status := m.Try("snapresume /dev/vdc"); status != c.status || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit status %d, and not: %s\n%s", c.before, status, c.want, out)
		}
	}
}

// A disk to which is paged out stops to answer. The save ends, while it does not, and when
// it does the machine is as it was.
func TestSwapThatHangs(t *testing.T) {
	Require(t)
	t.Parallel()
	disk := newHangingDisk(t, 400)
	m := Start(t, Config{Memory: 512, Disks: []string{newFilesystem(t, 16), newDisk(t, 800)}, Args: disk.Args})
	m.Run("mount /dev/vda /mnt && mkswap /dev/vdc > /dev/null && swapon /dev/vdc")
	m.Run(Hog(0.8))
	save := m.Begin("snapcat --freeze-filesystems --codec s2 --checksums -o /dev/vdb")
	disk.hang(t, 8<<20)
	const want = `for 1m0s, nothing has moved: .*/dev/vdc.* has \d+\+\d+ requests`
	if _, _, err := m.console.expect(regexp.MustCompile(want), m.patience); err != nil {
		t.Error(err)
	}
	disk.goOn(t)
	if out, status := m.End(save); status == 0 {
		t.Errorf("the save ended well: %s", out)
	}
	stillThere(t, m)
	m.Run("echo thawed > /mnt/file && sync && swapoff /dev/vdc && swapon /dev/vdc")
}
