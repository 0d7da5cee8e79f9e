//go:build unix

// Whether two programs write to the same place.

package format

import (
	"crypto/sha256"
	"fmt"
	"os"
	"syscall"
)

// placeOf returns a name for what f is open on, which two programs have in
// common if they write to the same terminal, pipe or file, wherever they run;
// or "" where there is none. It is a digest, since it is for comparing only.
func placeOf(f *os.File) string {
	st, err := f.Stat()
	if err != nil {
		return ""
	}
	// Numbers of devices and files are those of one running kernel: proc(5).
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	file := st.Sys().(*syscall.Stat_t)
	sum := sha256.Sum256(fmt.Appendf(boot, "%d %d %d", file.Dev, file.Ino, file.Rdev))
	return fmt.Sprintf("%x", sum[:8])
}
