// Package peers joins the tools with other programs, as shell scripts do that
// know nothing of them: each in scripts is one way.
package peers

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"snappipe/tests/tools"
)

func TestMain(m *testing.M) { tools.Main(m) }

// TestPeers runs each script in a directory of its own. There IMAGE is a file
// to be carried, CONTRIB the directory contrib; the second line of the script names the programs it needs.
// A script that finds one of them unfit exits with 77, as automake has it.
func TestPeers(t *testing.T) {
	image := makeImage(t)
	contrib, err := filepath.Abs("../../contrib")
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob("scripts/*.sh")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".sh"), func(t *testing.T) {
			t.Parallel()
			path, err := filepath.Abs(script)
			if err != nil {
				t.Fatal(err)
			}
			for _, program := range needs(t, path) {
				if _, err := exec.LookPath(program); err != nil {
					t.Skipf("SKIPPED: %s is not installed", program)
				}
			}
			cmd := exec.Command("bash", "-e", "-u", "-o", "pipefail", path)
			cmd.Dir = t.TempDir()
			cmd.Env = append(os.Environ(), "IMAGE="+image, "CONTRIB="+contrib)
			out, err := cmd.CombinedOutput()
			if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == 77 {
				t.Skipf("SKIPPED: %s", out)
			}
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// needs returns the words of the line "# needs: ...".
func needs(t *testing.T, script string) []string {
	t.Helper()
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitN(string(text), "\n", 3)
	if len(lines) < 3 || !strings.HasPrefix(lines[1], "# needs:") {
		t.Fatalf("%s does not say what it needs", script)
	}
	return strings.Fields(strings.TrimPrefix(lines[1], "# needs:"))
}

// makeImage makes a file as memory is: a program, noise, zeros, a hole.
func makeImage(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 3_000_001)
	rand.NewChaCha8([32]byte{3}).Read(noise)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	at := int64(0)
	for _, part := range [][]byte{program[:2_000_000], make([]byte, 1_000_000), noise, nil, noise[:7]} {
		if part == nil {
			at += 5_000_000
			continue
		}
		if _, err := f.WriteAt(part, at); err != nil {
			t.Fatal(err)
		}
		at += int64(len(part))
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
