// A machine that is installed comes back at boot only from an image that is signed.

package vm

import (
	"bytes"
	"encoding/base64"
	"path/filepath"
	"regexp"
	"testing"

	"snappipe/format"
)

// The package, a key that only root reads and a list of signers: snappipe-save signs,
// and the hook of initramfs-tools has the list in the initramfs. At boot an image that
// was changed and one that is not signed are passed over, and the good one is resumed.
// That very image, put back later, is refused for what the disk has been written since;
// put back with the disk, it is resumed again, which nothing on this machine can tell.
func TestTrustAtBoot(t *testing.T) {
	RequireTime(t)
	t.Parallel()
	secret, public := newKey(t)
	root, initrd := Installed(t, Debian(t), initramfsTools, 1400)
	good, changed, unsigned := newDisk(t, 500), newDisk(t, 500), newDisk(t, 500)
	config := Config{Memory: 512, CPUs: 2, Disks: []string{root, good}, Initrd: initrd, Append: "root=/dev/vda rw"}

	m := Start(t, config)
	m.Run("printf 'DEVICE=/dev/vdb\\nSIGN=/etc/snappipe/key\\n' >> /etc/default/snappipe; mkdir -p /etc/snappipe")
	m.Run("umask 077; echo " + base64.StdEncoding.EncodeToString([]byte(secret)) + " | base64 -d > /etc/snappipe/key")
	m.Run("echo 'owner namespaces=\"snappipe\" " + public + "' > /etc/snappipe/allowed_signers; echo > /run/mark")
	save := m.Begin("systemctl start snappipe-save")
	m.Off()
	config.Initrd = initrdOf(t, Debian(t), root)
	saved, before := copyOf(t, root), copyOf(t, good)
	onDisk(t, good, changed, func(f *format.Frame) error {
		raw := bytes.Clone(f.Payload())
		raw[len(raw)-1] ^= 1
		return f.SetRaw(raw)
	}, false)
	onDisk(t, good, unsigned, nil, true)

	for name, disk := range map[string]string{"changed": changed, "not signed": unsigned} {
		c := config
		c.Disks = []string{copyOf(t, root), disk}
		passedOver(t, c, name, "none signed as it has to be; booting as usual")
	}
	m = Boot(t, config)
	if out, status := m.End(save); status != 0 {
		t.Fatalf("in the resumed machine, the save ended with %d\n%s", status, out)
	}
	m.Run("test -e /run/mark && echo more > /root/file && sync")
	m.PowerOff()

	config.Disks[1] = copyOf(t, before)
	passedOver(t, config, "old", "has been written to")
	config.Disks = []string{saved, before}
	m = Boot(t, config)
	if out, status := m.End(save); status != 0 {
		t.Errorf("put back with its disk, it ended with %d\n%s", status, out)
	}
}

// passedOver boots a machine that says why it resumes nothing, and boots as usual.
func passedOver(t *testing.T, c Config, name, why string) {
	t.Helper()
	m := Boot(t, c)
	if _, _, err := m.console.expect(regexp.MustCompile(why), patience); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	m.booted(t)
	if out, status := m.Try("test ! -e /run/mark"); status != 0 {
		t.Errorf("%s: it is resumed: %s", name, out)
	}
	m.PowerOff()
}

// copyOf copies a disk.
func copyOf(t *testing.T, disk string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "disk")
	output(t, "", "cp", "--sparse=always", disk, name)
	return name
}
