// An installed Debian.

package vm

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// On a fresh Debian, the package is installed and one line of configuration written. It
// is saved while it writes, as contrib/README.md says, the second time by systemctl
// hibernate, and comes back at boot, time and again. No write that the disk had is lost,
// and the file system is in order each time that the machine is off.
func TestInstalledDebian(t *testing.T) {
	Require(t)
	t.Parallel()
	installAndSave(t, initramfsTools, Times(2, 5))
}

// And where dracut makes the initramfs.
func TestInstalledDracut(t *testing.T) {
	RequireTime(t)
	t.Parallel()
	installAndSave(t, dracut, 2)
}

// hibernate ends where the machine has been resumed: systemctl(1) does not wait.
const hibernate = "n=$(grep -c post /run/slept); systemctl hibernate && until [ $(grep -c post /run/slept) -gt $n ]; do sleep 1; done"

func installAndSave(t *testing.T, by maker, rounds int) {
	disk, initrd := Installed(t, Debian(t), by, 1400)
	config := Config{Memory: 512, CPUs: 2, Disks: []string{disk, newDisk(t, 500)}, Initrd: initrd,
		Append: "root=/dev/vda rw"}

	m := Start(t, config)
	if out, status := m.Try("snappipe-save"); status != 4 || !strings.Contains(out, "no device for the image") {
		t.Errorf("without a device: exit status %d\n%s", status, out)
	}
	m.Run("echo DEVICE=/dev/vdb >> /etc/default/snappipe")
	m.Run("cp -r /usr/share/doc/snappipe/examples/hibernate/. /etc/systemd/system/ && systemctl daemon-reload && systemctl restart systemd-logind")
	m.Run("printf '#!/bin/sh\\necho $* >> /run/slept\\n' > /usr/lib/systemd/system-sleep/tell && chmod +x /usr/lib/systemd/system-sleep/tell")
	startWitnesses(m, 4)
	m.Run("witness write /var/log/numbers /run/synced & echo $! > /run/writer")
	before := hear(t, m)
	for i := range rounds {
		save := m.Begin([]string{"systemctl start snappipe-save", hibernate}[i%2])
		m.Off()
		output(t, "", "e2fsck", "-fn", disk)
		config.Initrd = initrdOf(t, Debian(t), disk) // the first time, it was made for the device
		m = Boot(t, config)
		if out, status := m.End(save); status != 0 {
			t.Fatalf("%d: in the resumed machine, the save ended with %d\n%s", i, status, out)
		}
		if slept := m.Run("cat /run/slept"); slept != strings.Repeat("pre hibernate\npost hibernate\n", i+1) {
			t.Errorf("%d: programs were told %q", i, slept)
		}
		sameWitnesses(t, m, before)
		before = hear(t, m)
		m.Run("n=$(cat /run/synced); sleep 2; test $(cat /run/synced) -gt $n")
	}
	m.Run("kill $(cat /run/writer); sleep 1")
	numbers := m.Run("awk '$1 != NR { print \"line \" NR \" is \" $1; exit 1 } END { print NR }' /var/log/numbers")
	synced := m.Run("cat /run/synced")
	var written, acknowledged int
	if _, err := fmt.Sscan(numbers+" "+synced, &written, &acknowledged); err != nil || written < acknowledged {
		t.Errorf("%d numbers are there, %d were acknowledged: %v", written, acknowledged, err)
	}

	// The image was good for one resume: now the machine boots as usual.
	m.Begin("poweroff --force --force")
	m.Off()
	m = Start(t, config)
	m.Run("! test -e /run/synced")

	// The trap: another system mounts the disk of a saved machine.
	m.Begin("systemctl start snappipe-save")
	m.Off()
	other := Start(t, Config{Memory: 512, Disks: config.Disks})
	other.Run("mount /dev/vda /mnt && echo here > /mnt/file && umount /mnt")
	other.PowerOff()
	m = Boot(t, config)
	if _, _, err := m.console.expect(regexp.MustCompile("(?s)has been written to.*boot normally"), m.patience); err != nil {
		t.Error(err)
	}
	m.booted(t)
	m.Run("grep here /file")
}
