// The Debian package, as lintian sees it.

package peers

import (
	"os/exec"
	"strings"
	"testing"

	"snappipe/tests/tools"
)

// Lintian has nothing to say of the package, down to what is for information.
func TestDebianPackage(t *testing.T) {
	for _, tool := range []string{"lintian", "dpkg-deb", "make"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED %s: there is no %s; on Debian, tests/setup installs it", t.Name(), tool)
		}
	}
	deb := tools.DebianPackage(t, "../..")
	out, err := exec.Command("lintian", "--allow-root", "--display-info", "--fail-on", "error,warning,info", deb).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "" {
		t.Errorf("lintian: %v\n%s", err, out)
	}
}
