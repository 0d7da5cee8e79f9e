// An installed Debian.

package vm

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// On a fresh Debian, the package is installed, and two lines of configuration written and
// who may sign what is resumed. It is saved while it writes, as contrib/README.md says, the
// second time by systemctl hibernate, and comes back at boot, time and again, from nothing
// but what is signed. No write that the disk had is lost, and the file system is in order
// each time that the machine is off.
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

// installedRoot is the command line of the machine.
const installedRoot = "root=/dev/vda rw"

func installAndSave(t *testing.T, by maker, rounds int) {
	disk, initrd := Installed(t, Debian(t), by, 1400, func(root string) {
		for _, command := range append(signAs(t, "owner"), "echo DEVICE=/dev/vdb >> /etc/default/snappipe") {
			output(t, "", "chroot", root, "bash", "-c", command)
		}
	})
	config := Config{Memory: 512, CPUs: 2, Disks: []string{disk, newDisk(t, 500), newDisk(t, 500)}, Initrd: initrd,
		Append: installedRoot}

	m := Start(t, config)
	if out, status := m.Try("mv /etc/default/snappipe /run/ && snappipe-save"); status != 4 || !strings.Contains(out, "no device for the image") {
		t.Errorf("without a device: exit status %d\n%s", status, out)
	}
	m.Run("mv /run/snappipe /etc/default/")
	m.Run("cp -r /usr/share/doc/snappipe/examples/hibernate/. /etc/systemd/system/ && systemctl daemon-reload && systemctl restart systemd-logind")
	m.Run("printf '#!/bin/sh\\necho $* >> /run/slept\\n' > /usr/lib/systemd/system-sleep/tell && chmod +x /usr/lib/systemd/system-sleep/tell")
	startWitnesses(m, 4)
	m.Run("witness write /var/log/numbers /run/synced & echo $! > /run/writer")
	before := hear(t, m)
	var old string
	for i := range rounds {
		save := m.Begin([]string{"systemctl start snappipe-save", hibernate}[i%2])
		m.Off()
		output(t, "", "e2fsck", "-fn", disk)
		config.Initrd = initrdOf(t, Debian(t), disk)
		if i == 0 {
			old = copyOf(t, config.Disks[1])
			passesOverForgeries(t, config, old)
		}
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

	m.Begin("poweroff --force --force")
	m.Off()
	neverTwice(t, config, old)
}

// neverTwice boots the machine once it has been resumed, and saves it again.
func neverTwice(t *testing.T, config Config, old string) {
	// An image was good for one resume. Somebody has kept it, and puts it back: it is
	// signed, but the disk is not what it was. The machine boots as usual.
	disk := config.Disks[0]
	config.Disks = []string{disk, config.Disks[1], copyOf(t, old)}
	config.Append += " snapresume=/dev/vdc"
	m := Boot(t, config)
	m.says(t, "has been written to.*the image on /dev/vdc was refused; booting as usual")
	m.booted(t)
	m.Run("! test -e /run/synced")
	if out, status := m.Try("snapresume --check /dev/vdb"); status != 3 || !strings.Contains(out, "has erased the image's beginning") {
		t.Errorf("what was resumed from: exit status %d\n%s", status, out)
	}

	// The owner takes another key, and only that is good from now on: the initramfs gets
	// the new list also where the command line says which device it is.
	if out, status := m.Try("snappipe-save"); status != 4 || !strings.Contains(out, "no boot would resume from there") {
		t.Errorf("with another device on the command line: exit status %d\n%s", status, out)
	}
	for _, command := range append(signAs(t, "successor"), "sed -i s,/dev/vdb,/dev/vdc, /etc/default/snappipe") {
		m.Run(command)
	}

	// The trap: another system mounts the disk of a saved machine.
	m.Begin("systemctl start snappipe-save")
	m.Off()
	other := Start(t, Config{Memory: 512, Disks: config.Disks})
	other.Run("mount /dev/vda /mnt && echo here > /mnt/file && umount /mnt")
	other.PowerOff()
	config.Initrd = initrdOf(t, Debian(t), disk)
	passesOver(t, config, old, "not listed.*none signed as it has to be; booting as usual")
	m = Boot(t, config)
	m.says(t, "has been written to.*boot normally")
	m.booted(t)
	m.Run("grep here /file")
	m.Run("i=/boot/initrd.img-$(uname -r); { lsinitramfs $i || lsinitrd $i; } > /run/list && grep -q etc/snappipe/allowed_signers /run/list && ! grep -q etc/snappipe/successor /run/list")
}

// signAs are the commands that have a machine sign what it saves with a key of its own,
// that only root can read, and resume nothing else.
func signAs(t *testing.T, who string) []string {
	t.Helper()
	secret, public := newKey(t)
	key := "/etc/snappipe/" + who
	return []string{
		"mkdir -p /etc/snappipe && (umask 077 && echo " + base64.StdEncoding.EncodeToString([]byte(secret)) + " | base64 -d > " + key + ")",
		"echo '" + who + ` namespaces="snappipe" ` + public + "' > /etc/snappipe/allowed_signers",
		"sed -i /^SIGN=/d /etc/default/snappipe && echo SIGN=" + key + " >> /etc/default/snappipe",
	}
}

// passesOverForgeries boots copies of the saved machine with its image as somebody has
// changed it who knows the format, and as one that nobody has signed.
func passesOverForgeries(t *testing.T, c Config, image string) {
	t.Helper()
	tampered, unsigned := newDisk(t, 500), newDisk(t, 500)
	onDisk(t, image, tampered, flipLast, false)
	onDisk(t, image, unsigned, nil, true)
	passesOver(t, c, tampered, "the signature is of another image.*none signed as it has to be; booting as usual")
	passesOver(t, c, unsigned, "the image is not signed.*none signed as it has to be; booting as usual")
}

// passesOver boots a copy of a machine that is told to resume from another disk, and
// returns when it has said why it does not.
func passesOver(t *testing.T, c Config, image, why string) {
	t.Helper()
	c.Disks = []string{copyOf(t, c.Disks[0]), c.Disks[1], image}
	c.Append = installedRoot + " snapresume=/dev/vdc"
	m := Boot(t, c)
	m.says(t, why)
	m.Kill()
}

// says waits until a machine says something, which may take lines.
func (m *Machine) says(t *testing.T, what string) {
	t.Helper()
	if _, _, err := m.console.expect(regexp.MustCompile("(?s)"+what), m.patience); err != nil {
		t.Error(err)
	}
}

// copyOf returns a disk that is as another is now.
func copyOf(t *testing.T, disk string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "disk")
	output(t, "", "cp", "--sparse=always", disk, name)
	return name
}
