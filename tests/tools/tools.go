// Package tools builds the four tools for tests that run them as users do.
package tools

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Main is the TestMain of a package: its tests, and all that they run, find
// freshly built tools on the PATH.
func Main(m *testing.M) {
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "snappipe-bin-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-tags", "urfave_cli_no_docs", "-o", dir, "snappipe/cmd/...")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the tools: %w\n%s", err, out)
	}
	if err := os.Setenv("PATH", dir+":"+os.Getenv("PATH")); err != nil {
		return 0, err
	}
	return m.Run(), nil
}
