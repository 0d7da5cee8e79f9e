// The version that a tool says it is.

package tool

import (
	"fmt"
	"runtime/debug"
)

// version comes from what the Go command put into the program: the module's
// version or, in a build from a checkout, the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return fmt.Sprintf("%s (%s)", info.Main.Version, info.GoVersion)
}
