// An image that nobody can read who has not been told the passphrase, which is asked for
// when it is resumed.

package vm

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// secret is the passphrase that is typed.
const secret = "another secret"

// The recipe for a disk: LUKS, of which what saves and resumes need not know.
func TestEncryptedDisk(t *testing.T) {
	Require(t)
	t.Parallel()
	requireTools(t, "/sbin/cryptsetup")
	const tools = "tar -xf /dev/vdb -C / && export DM_DISABLE_UDEV=1 && load crypt"
	config := Config{Memory: 512, CPUs: 2, Disks: []string{newDisk(t, 600), toolsDisk(t, "sbin/cryptsetup")}}

	m := Start(t, config)
	m.Run(tools)
	m.Run("echo -n secret | cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file - /dev/vda && echo -n secret | cryptsetup open --key-file - /dev/vda image")
	startWitnesses(m, 2)
	before := hear(t, m)
	save := m.Begin("snapcat | snapcompress | snapverify --output /dev/mapper/image")
	m.Saved(save)
	m.PowerOff()

	m = Start(t, config)
	m.Run(tools)
	if out, status := m.Try("snapresume /dev/vda"); status != 3 {
		t.Errorf("from what is encrypted: exit status %d\n%s", status, out)
	}
	if out, status := m.Try("echo -n wrong | cryptsetup open --key-file - /dev/vda image"); status == 0 {
		t.Errorf("with a wrong passphrase: %s", out)
	}
	m.Run("echo -n secret | cryptsetup open --key-file - /dev/vda image")
	if out, status := m.Resume("snapresume --once /dev/mapper/image", save); status != 0 {
		t.Errorf("in the resumed machine, the save ended with %d\n%s", status, out)
	}
	sameWitnesses(t, m, before)
	m.PowerOff()
}

// The recipe for an installed Debian: a line in /etc/crypttab, and the initramfs asks for the
// passphrase of the disk with the image, as long as it takes.
func TestEncryptedInstalled(t *testing.T) {
	Require(t)
	t.Parallel()
	requireTools(t, "/sbin/cryptsetup")
	disk, initrd := Installed(t, Debian(t), askingForDisks, 1400, func(root string) {
		output(t, "", "chroot", root, "sh", "-c", "echo DEVICE=/dev/mapper/image >> /etc/default/snappipe")
	})
	config := Config{Memory: 512, CPUs: 2, Disks: []string{disk, newDisk(t, 500)}, Initrd: initrd, Append: installedRoot}

	m := Start(t, config)
	m.Run("echo -n '" + secret + "' > /run/pass && cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file /run/pass /dev/vdb && cryptsetup open --key-file /run/pass /dev/vdb image")
	m.Run("echo image /dev/vdb none luks,initramfs >> /etc/crypttab && update-initramfs -u")
	startWitnesses(m, 4)
	before := hear(t, m)
	save := m.Begin("systemctl start snappipe-save")
	m.Off()

	config.Initrd = initrdOf(t, Debian(t), disk)
	m = Boot(t, config)
	m.answers(t, "Please unlock disk image", "wrong")
	m.answers(t, "Please unlock disk image", secret)
	if out, status := m.End(save); status != 0 {
		t.Errorf("in the resumed machine, the save ended with %d\n%s", status, out)
	}
	sameWitnesses(t, m, before)
}

// The recipes for programs that encrypt, on the way to another host and back: each asks
// for the passphrase at the console, which it gets by setsid. For a wrong one nothing is
// resumed. All that is one session: the console is hung up when that ends.
func TestEncryptedPipe(t *testing.T) {
	Require(t)
	t.Parallel()
	requireTools(t, "/usr/bin/age", "/usr/bin/age-keygen", "/usr/bin/gpg", "/usr/bin/gpg-agent", "/usr/bin/openssl", "/usr/bin/script")
	public, private := keyOfAge(t)
	config := Config{Memory: 512, CPUs: 2, Disks: []string{toolsDisk(t, "usr/bin/age", "usr/bin/gpg", "usr/bin/gpg-agent", "usr/bin/openssl")},
		Args: []string{"-netdev", "user,id=net0", "-device", "virtio-net-pci,netdev=net0"}}
	tools := "tar -xf /dev/vda -C / && mkdir -p /usr && ln -sfn /bin /usr/bin; export GNUPGHOME=/run/gnupg && mkdir -p -m 700 /run/gnupg" +
		" && (umask 077 && echo " + secret + " > /run/pass && echo " + base64.StdEncoding.EncodeToString(private) + " | base64 -d > /run/key.age)"
	m := Start(t, config)
	m.Run(tools)
	startWitnesses(m, 2)
	for _, by := range []struct{ encrypt, decrypt, asks string }{
		{"age -r " + public, "GOMEMLIMIT=32MiB age -d -i /run/key.age", "Enter passphrase"},
		{"gpg --quiet --batch --pinentry-mode loopback --passphrase-file /run/pass --symmetric --compress-algo none", "gpg --quiet --pinentry-mode loopback --decrypt", "Enter passphrase:"},
		{"openssl enc -aes-256-ctr -pbkdf2 -pass file:/run/pass", "openssl enc -d -aes-256-ctr -pbkdf2", "decryption password:"},
	} {
		before := hear(t, m)
		stored := filepath.Join(t.TempDir(), "img")
		in := serveFilters(t, "cat > "+stored)
		save := m.Begin(fmt.Sprintf("snapcat | snapcompress | snapverify | %s | nc 10.0.2.2 %d", by.encrypt, in.Port))
		if out, status := m.End(save); status != 0 {
			t.Fatalf("%s: exit status %d\n%s", by.encrypt, status, out)
		}
		in.Wait(t)
		m.PowerOff()

		m = Start(t, config)
		m.Run(tools)
		again := []int{ServeFile(t, stored).Port, ServeFile(t, stored).Port}
		m.Begin(fmt.Sprintf("setsid -c sh -c 'for port in %d %d; do nc 10.0.2.2 $port </dev/null | %s | snapresume; echo status $?; done' </dev/console >/dev/console 2>&1", again[0], again[1], by.decrypt))
		m.answers(t, by.asks, "wrong")
		m.says(t, "status 3\n")
		m.answers(t, by.asks, secret)
		m.End(save) // with what nc says of a connection that is long gone
		sameWitnesses(t, m, before)
	}
	m.PowerOff()
}

// requireTools skips a test for want of programs.
func requireTools(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := os.Stat(program); err != nil {
			t.Skipf("SKIPPED %s: %v; on Debian, tests/setup installs it", t.Name(), err)
		}
	}
}

// keyOfAge makes a key whose private half has a passphrase, which age asks for on a
// terminal.
func keyOfAge(t *testing.T) (public string, private []byte) {
	t.Helper()
	dir := t.TempDir()
	output(t, dir, "age-keygen", "-o", "new")
	output(t, dir, "sh", "-c", "printf '"+secret+"\\n"+secret+"\\n' | script -qec 'age -p -o key.age new' /dev/null")
	return strings.TrimSpace(output(t, dir, "age-keygen", "-y", "new")), read(t, filepath.Join(dir, "key.age"))
}

// answers waits for a question, and types after a while: gpg throws away what was typed
// before it has turned the echo off, which it does when it has asked.
func (m *Machine) answers(t *testing.T, question, answer string) {
	t.Helper()
	if _, _, err := m.console.expect(regexp.MustCompile(question), m.patience); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second)
	if _, err := fmt.Fprintln(m.console.in, answer); err != nil {
		t.Fatal(err)
	}
}
