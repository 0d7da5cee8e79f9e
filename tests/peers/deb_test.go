// The Debian package, as lintian sees it.

package peers

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Lintian has nothing to say of the package, down to what is for information.
func TestDebianPackage(t *testing.T) {
	for _, tool := range []string{"lintian", "dpkg-deb", "make"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED %s: there is no %s; on Debian, tests/setup installs it", t.Name(), tool)
		}
	}
	dir := t.TempDir()
	build := exec.Command("make", "-s", "deb", "DEB="+dir)
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make deb: %v\n%s", err, out)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(names) != 1 {
		t.Fatalf("make deb left %q", names)
	}
	out, err := exec.Command("lintian", "--allow-root", "--display-info", "--fail-on", "error,warning,info", names[0]).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "" {
		t.Errorf("lintian: %v\n%s", err, out)
	}
}
