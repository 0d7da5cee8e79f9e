// Measuring, as ratios within one run: the numbers themselves are those of an
// emulated machine, and say nothing.

package vm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	theSwap    = "/dev/vdb"
	theProgram = "/dev/vdc"
)

// plainCPU is without what an emulator does by calling a function for each
// instruction, which takes several times as long as to do without.
const plainCPU = "max,-sse4.2,-pclmulqdq,-avx2"

// measured is the machine of all benchmarks: a disk for an image, one for
// swap, and one with the program in measure/.
func measured(b *testing.B) Config {
	b.Helper()
	RequireTime(b)
	tool := filepath.Join(b.TempDir(), "measure")
	if out, err := exec.Command("cc", "-O2", "-static", "-o", tool, "measure/measure.c", "-lz", "-lzstd").CombinedOutput(); err != nil {
		b.Skipf("SKIPPED %s: cc, zlib1g-dev and libzstd-dev are needed: %v\n%s", b.Name(), err, out)
	}
	program, swap := newDisk(b, 8), newDisk(b, 700)
	if err := os.WriteFile(program, append(read(b, tool), make([]byte, 4<<20)...), 0); err != nil {
		b.Fatal(err)
	}
	output(b, "", "mkswap", "-q", swap)
	return Config{Memory: 1024, CPUs: 2, CPU: plainCPU, Disks: []string{newDisk(b, 700), swap, program}}
}

// startMeasured boots it, with something in its memory.
func startMeasured(b *testing.B, c Config) *Machine {
	b.Helper()
	m := Start(b, c)
	m.Run("cp " + theProgram + " /bin/measure && chmod +x /bin/measure")
	startWitnesses(m, 12)
	return m
}

// row prints one line of the table in tests/bench/README.md.
func row(what, against string, ours, theirs float64, bar string) {
	fmt.Printf("| %s | %s | %.2f | %.2f | **%.2f** | %s |\n", what, against, ours, theirs, ours/theirs, bar)
}

// For how long the machine stands still, beside what other ways would take,
// and for how long other processes do while the filters work.
func BenchmarkStandStill(b *testing.B) {
	m := startMeasured(b, measured(b))
	var bare, ours []float64
	for range 5 {
		bare = append(bare, numbers(b, m.Run("measure bare"))[0]/1e3)
		ours = append(ours, stoodStill(b, m.Run("snapcat -v 2>&1 > /dev/null | grep stood")))
	}
	row("time the machine stands still, s", "a bare read of /dev/snapshot into memory", median(ours), median(bare), "1.10")
	for _, c := range []string{"gzip", "zstd"} {
		inside := numbers(b, m.Run("measure "+c+" /dev/vda"))[0] / 1e3
		row("", map[string]string{"gzip": "gzip -9", "zstd": "zstd -1"}[c]+" and writing inside the freeze", median(ours), inside, "0.10")
	}

	// The longest pause of another process is the snapshot itself.
	pauses := numbers(b, m.Run("measure tick 30 > /run/pauses & p=$!; snapcat -q | snapcompress -q | snapverify -q > /dev/vda; wait $p; cat /run/pauses"))
	fmt.Printf("| longest stall of another process while the filters work, ms | | %.0f (the snapshot: %.0f) | | | 100 |\n", pauses[1], pauses[0])

	size := numbers(b, m.Run("measure bare"))[1] / (1 << 20)
	m.Run("time -v snapcat 2> /run/1 | time -v snapcompress 2> /run/2 | time -v snapverify 2> /run/3 > /dev/vda")
	var peak float64
	for _, kib := range strings.Fields(m.Run("awk '/Maximum resident/ { print $NF }' /run/1 /run/2 /run/3")) {
		n, err := strconv.ParseFloat(kib, 64)
		if err != nil {
			b.Fatal(err)
		}
		peak += n / 1024 / 4 // BusyBox takes the kilobytes of getrusage(2) for pages
	}
	fmt.Printf("| memory of all three, MiB beside an image of %.0f MiB | | %.0f | | | 100 |\n", size, peak-size)
}

// The whole way down and up again, against hibernation by the kernel itself to
// swap on a disk like that of the image.
func BenchmarkSaveAndResume(b *testing.B) {
	config := measured(b)
	ways := []struct{ filters, save, resume string }{
		{"", "echo shutdown > /sys/power/disk; swapon " + theSwap + " && echo disk > /sys/power/state", "echo 254:16 > /sys/power/resume"},
		{"zstd", saveAndPowerOff("| snapcompress --quiet | snapverify --quiet"), "snapresume --quiet /dev/vda"},
		{"s2", saveAndPowerOff("| snapcompress --quiet --codec s2 | snapverify --quiet"), "snapresume --quiet /dev/vda"},
		{"s2 and no SHA-256", saveAndPowerOff("| snapcompress --quiet --codec s2"), "snapresume --quiet /dev/vda"},
		{"zstd, all in snapcat", saveAndPowerOff("--codec zstd --checksums"), "snapresume --quiet /dev/vda"},
		{"s2, all in snapcat", saveAndPowerOff("--codec s2 --checksums"), "snapresume --quiet /dev/vda"},
		{"snapcat alone", saveAndPowerOff(""), "snapresume --quiet /dev/vda"},
		{"snapcat --raw alone", saveAndPowerOff("--raw"), "snapresume --quiet --raw --force --to machine /dev/vda"},
	}
	down, up := make([]float64, len(ways)), make([]float64, len(ways))
	for i, w := range ways {
		m := startMeasured(b, config)
		began := time.Now()
		save := m.Begin(w.save)
		m.Off()
		down[i] = time.Since(began).Seconds()

		m = Start(b, config)
		began = time.Now()
		if out, status := m.Resume(w.resume, save); status != 0 {
			b.Fatalf("%s: exit status %d\n%s", w.save, status, out)
		}
		up[i] = time.Since(began).Seconds()
		m.Kill()
	}
	for i, w := range ways[1:] {
		row("save with "+w.filters+" until powered off, s", "`echo disk > /sys/power/state`", down[i+1], down[0], "1.00")
		row("resume from "+w.filters+", s", "`echo 254:16 > /sys/power/resume`", up[i+1], up[0], "1.00")
	}
}

// saveAndPowerOff saves to a disk, with what comes after snapcat's name.
func saveAndPowerOff(rest string) string {
	return "sh -c 'set -o pipefail; snapcat --quiet --freeze-filesystems --then poweroff " + rest + " > /dev/vda'"
}

func stoodStill(b *testing.B, said string) float64 {
	b.Helper()
	_, after, _ := strings.Cut(said, "the machine stood still for ")
	var seconds float64
	if _, err := fmt.Sscanf(after, "%f s", &seconds); err != nil {
		b.Fatalf("%q: %v", said, err)
	}
	return seconds
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

func numbers(b *testing.B, line string) (all []float64) {
	b.Helper()
	for _, word := range strings.Fields(line) {
		n, err := strconv.ParseFloat(word, 64)
		if err != nil {
			b.Fatalf("%q: %v", line, err)
		}
		all = append(all, n)
	}
	if len(all) < 2 {
		b.Fatalf("%q: not enough numbers", line)
	}
	return all
}
