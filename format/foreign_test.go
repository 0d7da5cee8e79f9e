// What is no stream, and is called by its name.

package format_test

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"

	"snappipe/format"
)

// foreigner is something that is no stream, and what should be said of it.
type foreigner struct{ name, input, want, hint string }

func foreigners(t testing.TB) []foreigner {
	t.Helper()
	stream := string(smallStreams(t)["plain"])
	tar := make([]byte, 10240)
	copy(tar, "img")
	copy(tar[257:], "ustar  \x00")
	return []foreigner{
		{"zstd", "\x28\xb5\x2f\xfd\x04\x88" + stream, "zstd-compressed", `"zstd -d |"`},
		{"gzip", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + stream, "gzip-compressed", `"gzip -d |"`},
		{"xz", "\xfd7zXZ\x00\x00\x04" + stream, "xz-compressed", `"xz -d |"`},
		{"lz4", "\x04\x22\x4d\x18\x64\x40" + stream, "lz4-compressed", `"lz4 -d |"`},
		{"bzip2", "BZh91AY&SY" + stream, "bzip2-compressed", `"bzip2 -d |"`},
		{"age", "age-encryption.org/v1\n-> X25519 abc\n", "encrypted by age", `"age -d |"`},
		{"armoured age", "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n", "encrypted by age", `"age -d |"`},
		{"gpg", "-----BEGIN PGP MESSAGE-----\n\nhQEM", "encrypted by OpenPGP", `"gpg -d |"`},
		{"key", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n", "a PEM file", ""},
		{"tar", string(tar), "a tar archive", "tar"},
		{"zip", "PK\x03\x04" + stream, "a zip archive", "unzip"},
		{"base64", "iVNOUA0KGgoBAAAAAQAAAO", "base64", `"base64 -d |"`},
		{"core", "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x04\x00\x3e\x00" + strings.Repeat("\x00", 44), "an ELF core file", "snapcat file:"},
		{"core, big-endian", "\x7fELF\x02\x02\x01" + strings.Repeat("\x00", 9) + "\x00\x04\x00\x16" + strings.Repeat("\x00", 44), "an ELF core file", ""},
		{"program", "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x02\x00\x3e\x00" + strings.Repeat("\x00", 44), "an ELF file", ""},
		{"machine", "Linux" + strings.Repeat("\x00", 400), "flat image of a machine", "--raw"},
		{"zeros", strings.Repeat("\x00", 4096), "zeros", "--once"},
		{"text", "ssh: connect to host h port 22: Connection refused\n", `text ("ssh: connect`, ""},
		{"text in UTF-8", strings.Repeat("ü", 400), "text", ""},
		{"one byte", "x", "text", ""},
	}
}

// What is no stream is called by its name, whether it comes in one piece or
// byte by byte.
func TestForeign(t *testing.T) {
	for _, c := range foreigners(t) {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []*format.Reader{
				format.NewReader(strings.NewReader(c.input)),
				format.NewReader(iotest.HalfReader(strings.NewReader(c.input))),
			} {
				_, err := r.Info()
				var foreign *format.ForeignError
				if !errors.As(err, &foreign) || !errors.Is(err, format.ErrMagic) {
					t.Fatalf("%v, which is no ForeignError", err)
				}
				if !strings.Contains(err.Error(), c.want) || !strings.Contains(foreign.Hint(), c.hint) {
					t.Errorf("%v (%s); want %q (%q)", err, foreign.Hint(), c.want, c.hint)
				}
			}
		})
	}
}

// So is what real programs make of a stream.
func TestForeignPrograms(t *testing.T) {
	stream := smallStreams(t)["plain"]
	for _, c := range []struct{ program, want string }{
		{"gzip", "gzip"}, {"zstd", "zstd"}, {"xz", "xz"}, {"lz4", "lz4"}, {"bzip2", "bzip2"}, {"base64", "base64"},
		{"xz --format=lzma", "lzma"}, {"lz4 -l", "lz4"}, {"gpg --batch --passphrase x --symmetric", "OpenPGP"},
		{"openssl enc -aes-256-cbc -pbkdf2 -k x", "openssl"}, {"iconv -f LATIN1 -t UTF-16", "text-mode"},
	} {
		args := strings.Fields(c.program)
		t.Run(c.program, func(t *testing.T) {
			if _, err := exec.LookPath(args[0]); err != nil {
				t.Skipf("%s is not installed", args[0])
			}
			cmd := exec.Command(args[0], args[1:]...)
			cmd.Stdin = bytes.NewReader(stream)
			cmd.Env = append(cmd.Environ(), "GNUPGHOME="+t.TempDir())
			out, err := cmd.Output()
			check(t, err)
			if _, err := format.NewReader(bytes.NewReader(out)).Info(); err == nil || !strings.Contains(fmt.Sprint(err), c.want) {
				t.Errorf("%v, want something of %s", err, c.want)
			}
		})
	}
}
