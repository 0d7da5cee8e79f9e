// The tools, given every vector.

package vectors_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"snappipe/tests/tools"
)

func TestMain(m *testing.M) { tools.Main(m) }

// The tools take what is good and give it on whole. They refuse everything
// else with the exit code that says why, as a line does, and leave no output.
func TestTools(t *testing.T) {
	each(t, func(t *testing.T, v *vector) {
		dir := t.TempDir()
		img, out := filepath.Join(dir, "img"), filepath.Join(dir, "out")
		base := v.needs()
		resume := tool(t, "snapresume", v.path(), append(base, "--to", "file:"+img)...)
		resume.outcome(v, v.exit, img)
		if v.exit == 0 {
			tool(t, "snapcompress", v.path(), "--codec", "zstd", "--level", "1", "-o", out).passes(v, 0, out)
		}
		tool(t, "snapcompress", v.path(), append(base, "-d", "-o", out)...).passes(v, v.exit, out)
		exit := v.exit
		if v.onlyDecoding() {
			exit = 0
		}
		tool(t, "snapverify", v.path(), "-o", out).passes(v, exit, out)
		if v.onlyDecoding() {
			tool(t, "snapverify", v.path(), "-o", out).exits(0)
			tool(t, "snapverify", out, "--check", "--digests-only").exits(0)
			tool(t, "snapverify", out, append(base, "--check")...).exits(3)
			tool(t, "snapresume", out, append(base, "--check")...).exits(3)
			if err := os.Remove(out); err != nil {
				t.Error(err)
			}
		}
		if v.exit == 3 && !v.onlyDecoding() || v.name == "refused-first" || v.name == "refused-checksums" {
			tool(t, "snapverify", v.path(), "--check").exits(v.exit)
		}
		if base != nil {
			tool(t, "snapresume", v.path(), "--check").exits(without(v))
		}
		left, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range left {
			t.Errorf("%s was left behind", f.Name())
		}
	})
}

// Those that the maker has signed are trusted, and nothing else is.
func TestToolsTrust(t *testing.T) {
	each(t, func(t *testing.T, v *vector) {
		if v.exit != 0 {
			return // TestTools has seen to these
		}
		exit := 3
		if strings.Contains(v.name, "signed") {
			exit = 0
		}
		tool(t, "snapverify", v.path(), append(v.needs(), "--check", "--trust", "SIGNERS")...).exits(exit)
	})
}

// needs is the options that name the base of v.
func (v *vector) needs() []string {
	if v.base() == "" {
		return nil
	}
	return []string{"--base", v.base()}
}

// without is the exit code of who has not got the base of v: it comes to see
// nothing but the first frame, if that names one.
func without(v *vector) int {
	if v.name == "bad-patch-unannounced" {
		return 3
	}
	return 4
}

// call is a tool that was run.
type call struct {
	t      *testing.T
	name   string
	code   int
	stdout []byte
	stderr string
}

func tool(t *testing.T, name, stdin string, args ...string) *call {
	t.Helper()
	in, err := os.Open(stdin)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &stdout, &stderr
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return &call{t, strings.Join(append([]string{name}, args...), " "), cmd.ProcessState.ExitCode(), stdout.Bytes(), stderr.String()}
}

func (c *call) exits(code int) {
	c.t.Helper()
	if c.code != code {
		c.t.Errorf("%s exits with %d, not %d: %s", c.name, c.code, code, c.stderr)
	}
	if code != 0 && strings.Count(strings.TrimSpace(c.stderr), "\n") > 1 {
		c.t.Errorf("%s says more than it has to: %s", c.name, c.stderr)
	}
	if code != 0 && c.stderr == "" {
		c.t.Errorf("%s does not say why", c.name)
	}
	if strings.ContainsFunc(c.stderr, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
		c.t.Errorf("%s says what could do something to a terminal: %q", c.name, c.stderr)
	}
	if len(c.stdout) > 0 && code != 0 {
		c.t.Errorf("%s wrote %d bytes", c.name, len(c.stdout))
	}
}

// outcome checks the image that snapresume has written, or that there is none,
// and removes it.
func (c *call) outcome(v *vector, code int, img string) {
	c.t.Helper()
	c.exits(code)
	if code != 0 || v.class == "resumed" {
		c.absent(img)
		return
	}
	b, err := os.ReadFile(img)
	if err != nil {
		c.t.Fatalf("%s: %v", c.name, err)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(b)); int64(len(b)) != v.size || v.sha256 != "-" && sum != v.sha256 {
		c.t.Errorf("%s: %d bytes, sha256 %s; want %d, %s", c.name, len(b), sum, v.size, v.sha256)
	}
	if err := os.Remove(img); err != nil {
		c.t.Error(err)
	}
}

// passes checks the stream that a filter has written, or that there is none,
// and removes it.
func (c *call) passes(v *vector, code int, stream string) {
	c.t.Helper()
	c.exits(code)
	if code != 0 || v.class == "resumed" {
		c.absent(stream)
		return
	}
	img := stream + ".img"
	tool(c.t, "snapresume", stream, append(v.needs(), "--to", "file:"+img)...).outcome(v, v.exit, img)
	if err := os.Remove(stream); err != nil {
		c.t.Error(err)
	}
}

func (c *call) absent(name string) {
	c.t.Helper()
	if _, err := os.Lstat(name); !errors.Is(err, os.ErrNotExist) {
		c.t.Errorf("%s has written %s", c.name, filepath.Base(name))
	}
}

// run runs a command that has to succeed.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
