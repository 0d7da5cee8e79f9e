// Package mountinfo reads what Linux writes of mounts and swap areas.
package mountinfo

import "strings"

var escapes = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// Unescape undoes the octal escapes of a path in /proc/self/mountinfo or
// /proc/swaps (fs/proc_namespace.c: mangle).
func Unescape(s string) string { return escapes.Replace(s) }
