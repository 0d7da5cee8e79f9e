// A machine comes back only from an image that is signed by somebody whom its owner
// has listed.

package vm

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/pem"
	"os"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"snappipe/format"
)

// Saved with a key that only root can read, and resumed where its public half is
// listed: not from what somebody has changed who knows the format, not from what
// is not signed, and not once the key is revoked. An image that was resumed before
// is signed as it was: the owner has to revoke the key.
func TestTrust(t *testing.T) {
	Require(t)
	t.Parallel()
	secret, public := newKey(t)
	disks := []string{newDisk(t, 600), newDisk(t, 600), newDisk(t, 600)}
	config := Config{Memory: 512, CPUs: 2, Disks: disks}

	first := Start(t, config)
	startWitnesses(first, 2)
	before := hear(t, first)
	first.Run("umask 077; echo " + base64.StdEncoding.EncodeToString([]byte(secret)) + " | base64 -d > /run/key; chmod 644 /run/key")
	if out, status := first.Try("snapcat | snapcompress | snapverify --sign /run/key > /run/none"); status != 4 || !strings.Contains(out, "/run/key: others than its owner can read it") {
		t.Errorf("with a key that others can read: exit status %d\n%s", status, out)
	}
	first.Run("chmod 600 /run/key")
	save := first.Begin("snapcat | snapcompress | snapverify --sign /run/key > /dev/vda")
	first.Saved(save)
	first.PowerOff()
	onDisk(t, disks[0], disks[1], flipLast, false)
	onDisk(t, disks[0], disks[2], nil, true)

	for again := range 2 { // the second time by the script
		m := Start(t, config)
		for _, c := range []struct{ name, before, command, want string }{
			{"changed", "mkdir -p /etc/snappipe && echo 'owner " + public + "' > /etc/snappipe/allowed_signers", "snapresume /dev/vdb", "the signature is of another image"},
			{"not signed", "true", "snapresume --force /dev/vdc", "the image is not signed"},
			{"not signed, in a pipe", "true", "snapresume < /dev/vdc", "the image is not signed"},
			{"flat", "true", "snapresume --raw --to machine --force /dev/vdc", "a flat image has no signature"},
			{"revoked", "echo '" + public + "' > /etc/snappipe/revoked_keys", "snapresume /dev/vda", "the key is revoked"},
			{"old", "rm /etc/snappipe/revoked_keys; echo 'owner valid-before=\"20200101\" " + public + "' > /etc/snappipe/allowed_signers", "snapresume /dev/vda", "the key was valid until"},
		} {
			m.Run(c.before)
			if out, status := m.Try(c.command); status != 3 || !strings.Contains(out, c.want) {
				t.Errorf("%s: exit status %d\n%s", c.name, status, out)
			}
		}
		for _, device := range []string{"/dev/vdb", "/dev/vdc"} {
			m.Run(atBoot(t, device))
			want := "no whole image on " + device + ", or none signed as it has to be; booting as usual"
			if out, status := m.Try("sh /run/resume"); status != 0 || !strings.Contains(out, want) {
				t.Errorf("at boot, from %s: exit status %d\n%s", device, status, out)
			}
		}
		m.Run("echo 'owner namespaces=\"snappipe\" " + public + "' > /etc/snappipe/allowed_signers")
		command := "snapresume /dev/vda"
		if again == 1 {
			m.Run(atBoot(t, "/dev/vda"))
			command = "sh /run/resume"
		}
		if out, status := m.Resume(command, save); status != 0 || !strings.Contains(out, "resumed from the snapshot") {
			t.Errorf("time %d: exit status %d\n%s", again, status, out)
		}
		sameWitnesses(t, m, before)
		m.PowerOff()
	}
}

// atBoot puts the script into a machine that its initramfs would run, for an image on a
// device.
func atBoot(t *testing.T, device string) string {
	t.Helper()
	script, err := os.ReadFile("../../contrib/boot/resume")
	if err != nil {
		t.Fatal(err)
	}
	return "mkdir -p /etc/default; echo DEVICE=" + device + " > /etc/default/snappipe; echo " +
		base64.StdEncoding.EncodeToString(script) + " | base64 -d > /run/resume"
}

// newKey makes a key: the private half as a file has it, and the public half.
func newKey(t *testing.T) (secret, public string) {
	t.Helper()
	pub, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// flipLast changes a bit of a part of an image.
func flipLast(f *format.Frame) error {
	raw := bytes.Clone(f.Payload())
	raw[len(raw)-1] ^= 1
	return f.SetRaw(raw)
}

// onDisk writes an image from one disk to another: with each part of it changed,
// if that is asked for, and without its signatures. All its checksums are right.
func onDisk(t *testing.T, from, to string, change func(*format.Frame) error, unsigned bool) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	r := format.NewReader(in)
	r.Device = true
	e := format.Editor{Sum: true, Work: func() format.Work {
		decode := format.Decompress()
		return func(f *format.Frame) error {
			if err := decode(f); err != nil || change == nil || f.Type != format.TypeData {
				return err
			}
			return change(f)
		}
	}, Frame: func(w *format.Writer, f *format.Frame) error {
		if unsigned && f.Type == format.TypeSignature {
			return nil
		}
		return w.Write(f)
	}}
	if err := e.Run(context.Background(), out, r); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
