// The Debian package, for tests that install it or look at it.

package tools

import (
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// packaging: make works in one directory, so that only one can at a time.
var packaging sync.Mutex

// DebianPackage builds it from the tree at source, and returns its file.
func DebianPackage(t testing.TB, source string) string {
	t.Helper()
	packaging.Lock()
	defer packaging.Unlock()
	dir := t.TempDir()
	build := exec.Command("make", "-s", "deb", "DEB="+dir)
	build.Dir = source
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make deb: %v\n%s", err, out)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(names) != 1 {
		t.Fatalf("make deb left %q", names)
	}
	return names[0]
}
