// Package mountinfo reads what Linux writes of mounts and swap areas.
package mountinfo

import "strings"

// Mount is a line of /proc/PID/mountinfo (proc_pid_mountinfo(5)), without its IDs and
// how it propagates.
type Mount struct {
	Device  string // major:minor, of the file system: "254:0"
	Root    string // the directory of the file system that is mounted
	Point   string // where
	Options string // of the mount
	Type    string
	Source  string // as mounted: "/dev/vda"
	Super   string // options of the file system, whatever single mounts of it say
}

// Parse reads a whole table. What has not the form of a line is left out.
func Parse(table string) (all []Mount) {
	for line := range strings.Lines(table) {
		mount, super, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " - ") // ends fields of which there may be any number
		m, s := strings.Split(mount, " "), strings.Split(super, " ")           // a source may be empty
		if !ok || len(m) < 6 || len(s) < 3 {
			continue
		}
		all = append(all, Mount{
			Device: m[2], Root: Unescape(m[3]), Point: Unescape(m[4]), Options: m[5],
			Type: s[0], Source: Unescape(s[1]), Super: s[2],
		})
	}
	return all
}

var escapes = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// Unescape undoes the octal escapes of a path in /proc/self/mountinfo or
// /proc/swaps (fs/proc_namespace.c: mangle).
func Unescape(s string) string { return escapes.Replace(s) }
