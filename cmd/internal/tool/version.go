// The version that a tool says it is.

package tool

import (
	"fmt"
	"runtime/debug"
)

// version comes from what the Go command put into the program: the module's
// version or, in a build from a checkout, the commit. Where it knew neither, it
// says so.
func version() string {
	const none = "unreleased"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return none
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = none
	}
	return fmt.Sprintf("%s (%s)", v, info.GoVersion)
}
