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
)

// The recipes: a disk by LUKS, and age on the way to another host and back, by a key
// whose private half has a passphrase, so that saving needs to know nothing. It asks at the
// console, which it gets by setsid.
func TestEncrypted(t *testing.T) {
	Require(t)
	t.Parallel()
	for _, tool := range []string{"/sbin/cryptsetup", "/usr/bin/age", "/usr/bin/age-keygen", "/usr/bin/script"} {
		if _, err := os.Stat(tool); err != nil {
			t.Skipf("SKIPPED %s: %v; on Debian, tests/setup installs it", t.Name(), err)
		}
	}
	const tools = "tar -xf /dev/vdb -C / && export DM_DISABLE_UDEV=1 && load crypt"
	disk := newDisk(t, 600)
	config := Config{Memory: 1024, CPUs: 2, Disks: []string{disk, toolsDisk(t, "sbin/cryptsetup", "usr/bin/age")},
		Args: []string{"-netdev", "user,id=net0", "-device", "virtio-net-pci,netdev=net0"}}

	m := Start(t, config)
	m.Run(tools)
	m.Run("echo -n secret | cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file - /dev/vda && echo -n secret | cryptsetup open --key-file - /dev/vda image")
	startWitnesses(m, 2)
	before := hear(t, m)
	save := m.Begin("snapcat | snapcompress | snapverify --output /dev/mapper/image")
	if out, status := m.End(save); status != 0 {
		t.Fatalf("save: exit status %d\n%s", status, out)
	}
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

	before = hear(t, m)
	public, private := keyOfAge(t, "another secret")
	stored := filepath.Join(t.TempDir(), "img.age")
	in := serveFilters(t, "cat > "+stored)
	save = m.Begin(fmt.Sprintf("snapcat | snapcompress | snapverify | age -r %s | nc 10.0.2.2 %d", public, in.Port))
	if out, status := m.End(save); status != 0 {
		t.Fatalf("save: exit status %d\n%s", status, out)
	}
	in.Wait(t)
	m.PowerOff()

	m = Start(t, config)
	m.Run(tools)
	m.Run("echo " + base64.StdEncoding.EncodeToString(private) + " | base64 -d > /run/key.age")
	m.Begin(fmt.Sprintf("setsid -c sh -c 'nc 10.0.2.2 %d </dev/null | age -d -i /run/key.age | snapresume' </dev/console >/dev/console 2>&1", ServeFile(t, stored).Port))
	m.answers(t, "Enter passphrase", "another secret")
	m.End(save) // with what nc says of a connection that is long gone
	sameWitnesses(t, m, before)
	m.PowerOff()
}

// keyOfAge makes a key whose private half has a passphrase, which age asks for on a
// terminal.
func keyOfAge(t *testing.T, passphrase string) (public string, private []byte) {
	t.Helper()
	dir := t.TempDir()
	output(t, dir, "age-keygen", "-o", "new")
	output(t, dir, "sh", "-c", "printf '"+passphrase+"\\n"+passphrase+"\\n' | script -qec 'age -p -o key.age new' /dev/null")
	return strings.TrimSpace(output(t, dir, "age-keygen", "-y", "new")), read(t, filepath.Join(dir, "key.age"))
}

// answers waits for a question, and types.
func (m *Machine) answers(t *testing.T, question, answer string) {
	t.Helper()
	if _, _, err := m.console.expect(regexp.MustCompile(question), patience); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(m.console.in, answer); err != nil {
		t.Fatal(err)
	}
}
