// Which images are of this machine.

package machine

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snappipe/kernel"
)

func TestOnlyImagesOfThisMachineMatch(t *testing.T) {
	here := kernel.Facts{
		{Name: factRelease, Value: "6.1.0"}, {Name: factVersion, Value: "#1 SMP"}, {Name: factBuild, Value: "abcd"},
		{Name: factCPU, Value: "one"}, {Name: factFlags, Value: "avx fpu"}, {Name: factMemory, Value: "512 KiB 0-7ffff"},
	}
	for _, c := range []struct {
		name, value string // of the fact that is changed
		force       bool
		want        string // of the refusal, "" if there is none
	}{
		{factCPU, "one", false, ""},
		{factRelease, "6.2.0", false, "another kernel: 6.2.0 there, 6.1.0 here"},
		{factBuild, "abce", false, "another build"},
		{factVersion, "#2 SMP", false, "another build"},
		{factCPU, "two", true, "another CPU"},
		{factMemory, "256 KiB 0-3ffff", false, "another memory"},
		{factMemory, "", false, "does not say what memory"},
		{factMemory, "", true, ""},
		{factFlags, "avx avx2 fpu", true, "with the flags avx2"},
		{factFlags, "fpu", false, "without the flags avx"},
		{factFlags, "", false, "without the flags"},
		{factFlags, "", true, ""},
		{"arch", "riscv64", true, "riscv64"},
	} {
		image := append(kernel.Facts{{Name: c.name, Value: c.value}}, here...)
		err := matches(image, here, c.force)
		var refusal *kernel.Refusal
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s %q: %v", c.name, c.value, err)
		case c.want != "" && (!errors.As(err, &refusal) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s %q: %v", c.name, c.value, err)
		}
	}
}

func note(name string, kind uint32, desc string) []byte {
	var b []byte
	for _, n := range []uint32{uint32(len(name)), uint32(len(desc)), kind} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	for _, s := range []string{name, desc} {
		b = append(b, s...)
		b = append(b, make([]byte, -len(b)&3)...)
	}
	return b
}

func TestBuildID(t *testing.T) {
	good := append(note("Xen\x00", 3, "no"), note("GNU\x00", 3, "\x01\x23\xab")...)
	for _, c := range []struct {
		name  string
		notes []byte
		want  string
	}{
		{"second note", good, "0123ab"},
		{"cut off", good[:len(good)-4], ""},
		{"none", nil, ""},
		{"huge length", []byte("\xff\xff\xff\xff\xff\xff\xff\xff\x03\x00\x00\x00GNU\x00"), ""},
	} {
		file := filepath.Join(t.TempDir(), "notes")
		if err := os.WriteFile(file, c.notes, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := buildID(file)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

func TestUnchangedDisks(t *testing.T) {
	for value, want := range map[string]string{
		"nonsense":                           "makes no sense",
		"/dev/does-not-exist ext4 sha256:00": "not there now",
		"/proc/version ext4 sha256:00":       "not a block device",
		"../../etc/passwd ext4 sha256:00":    "not the path",
		"/dev/zero ext4 sha256:00":           "not a block device",
		"one two three four":                 "makes no sense",
	} {
		err := unchangedDisks(kernel.Facts{{Name: "host", Value: "x"}, {Name: "disk-8-1", Value: value}}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// What an image says of snapshots comes from outside, and is handed to lvm(8).
func TestFollowersOf(t *testing.T) {
	good := kernel.Facts{{Name: "follow-253-0", Value: "guest/root snappipe-0badf00d-1 24@/dev/vda(0)"}}
	all, err := followersOf(good)
	if f, ok := all.of("253-0"); err != nil || !ok || f.at.Device() != "/dev/mapper/guest-snappipe--0badf00d--1" || f.at.Name != "guest/root" {
		t.Errorf("%+v, %v", all, err)
	}
	for _, value := range []string{
		"", "guest/root", "guest/root snappipe-1", "root snappipe-1 24@/dev/vda(0)", "--yes/root snappipe-1 24@/dev/vda(0)",
		"guest/root home 24@/dev/vda(0)", "guest/root snappipe-1/../home 24@/dev/vda(0)", "@tag/root snappipe-1 24@/dev/vda(0)", "a/b/c snappipe-1 x",
	} {
		if _, err := followersOf(kernel.Facts{{Name: "follow-253-0", Value: value}}); err == nil {
			t.Errorf("%q is taken for a snapshot", value)
		}
	}
}
