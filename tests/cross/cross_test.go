// Package cross_test builds what does not depend on a kernel for other
// processors than the one that it is developed on, and runs it there: where
// bytes have another order, or an int has 32 bits.
package cross_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"snappipe/tests/tools"
)

func TestMain(m *testing.M) { tools.Main(m) }

// processor is one to build for.
type processor struct {
	arch     string // as Go says it
	emulator string // that runs its programs; "" where the processor here does
	why      string
}

var processors = []processor{
	{"386", "", "32 bits"},
	{"s390x", "qemu-s390x-static", "big-endian"},
	{"arm64", "qemu-aarch64-static", "what else images pass through"},
}

// portable is the packages that know no kernel, and the tools that need none.
var (
	portable = []string{"snappipe/format/..."}
	filters  = []string{"snapcompress", "snapverify"}
)

// slow are those tests of the format package that do something again for every
// bit or byte of a stream, or for many megabytes: minutes where instructions
// are emulated, or SHA-256 is not made of the processor's own.
const slow = "^(TestEveryBitFlip|TestEveryTruncation|TestSalvageByte|TestShuffledFrames|TestRemainsOnDevice|" +
	"TestDamageIsNamed|TestPatch|TestBaseChanges|TestDamagedBase|TestRoundTrip|TestRecode|TestLevels|TestSalvageWhole|TestForeignPrograms|FuzzRepaired)$"

func TestProcessors(t *testing.T) {
	for _, p := range processors {
		t.Run(p.arch, func(t *testing.T) {
			p.run(t, "go", append([]string{"vet"}, portable...)...)
			dir := t.TempDir()
			for _, tool := range filters {
				p.run(t, "go", "build", "-o", dir, "snappipe/cmd/"+tool)
			}
			p.needsRunner(t, filepath.Join(dir, filters[0]))
			p.filter(t, dir)
			args := []string{"test", "-skip", slow}
			if p.emulator != "" {
				args = append(args, "-exec", p.emulator)
			}
			t.Log(p.run(t, "go", append(args, portable...)...))
		})
	}
}

// needsRunner skips the test where no program for that processor runs.
func (p processor) needsRunner(t *testing.T, program string) {
	if p.emulator != "" {
		if _, err := exec.LookPath(p.emulator); err != nil {
			t.Skipf("%s is not installed", p.emulator)
		}
		return
	}
	if out, err := exec.Command(program, "--version").CombinedOutput(); err != nil {
		t.Skipf("the kernel runs no programs for %s: %v %s", p.arch, err, out)
	}
}

// filter sends an image through tools for both processors: there and back, and
// the other way round.
func (p processor) filter(t *testing.T, dir string) {
	image := make([]byte, 1<<20)
	copy(image, bytes.Repeat([]byte("snapshot_system resume_snapshot "), 4000))
	rand.NewChaCha8([32]byte{5}).Read(image[len(image)/2:])
	if err := os.WriteFile(filepath.Join(dir, "image"), image, 0o666); err != nil {
		t.Fatal(err)
	}
	there := func(tool string) string { return strings.TrimSpace(p.emulator + " ./" + tool) }
	for _, pipeline := range []string{
		"snapcat file:image | " + there("snapcompress") + " | " + there("snapverify") + " | snapcompress -d > out",
		"snapcat file:image | snapcompress | snapverify | " + there("snapcompress --codec lz4") + " | " + there("snapverify") + " > out",
	} {
		sh := exec.Command("bash", "-c", "set -o pipefail; "+pipeline+" && snapresume --force --to file:back out")
		sh.Dir = dir
		if out, err := sh.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", pipeline, err, out)
		}
		back, err := os.ReadFile(filepath.Join(dir, "back"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(back, image) {
			t.Errorf("%s: another image comes back", pipeline)
		}
	}
}

func (p processor) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+p.arch)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s for %s: %v\n%s", name, strings.Join(args, " "), p.arch, err, out)
	}
	return string(out)
}
