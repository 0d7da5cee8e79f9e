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
const plainCPU = inWords + ",-sse4.2,-pclmulqdq,-avx2"

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

// way is how a machine can be saved and resumed.
type way struct{ what, save, resume string }

// own are the ways of the kernel itself: with an image of all that is in memory, up to
// the size that it prefers, and without what is there of files.
var own = []way{
	{"`echo disk > /sys/power/state`", hibernateTo(""), "echo 254:16 > /sys/power/resume"},
	{"the same without caches", hibernateTo("echo 1 > /proc/sys/vm/drop_caches;"), "echo 254:16 > /sys/power/resume"},
}

var ours = []way{
	{"three programs, zstd", saveAndPowerOff("| snapcompress --quiet | snapverify --quiet -o /dev/vda"), "snapresume --quiet /dev/vda"},
	{"one, zstd", saveAndPowerOff("--codec zstd --checksums -o /dev/vda"), "snapresume --quiet /dev/vda"},
	{"one, zstd, without caches", saveAndPowerOff("--drop-caches --codec zstd --checksums -o /dev/vda"), "snapresume --quiet /dev/vda"},
	{"one, s2, without caches", saveAndPowerOff("--drop-caches --codec s2 --checksums -o /dev/vda"), "snapresume --quiet /dev/vda"},
	{"one, s2, without caches and SHA-256", saveAndPowerOff("--drop-caches --codec s2 -o /dev/vda"), "snapresume --quiet /dev/vda"},
	{"one, without caches, codec and SHA-256", saveAndPowerOff("--drop-caches -o /dev/vda"), "snapresume --quiet /dev/vda"},
}

// The whole way down and up again, against hibernation by the kernel itself to
// swap on a disk like that of the image, on a machine that has read files of its disk. Its
// programs stand still, or what they do meanwhile would count as part of the save.
func BenchmarkSaveAndResume(b *testing.B) {
	config := measured(b)
	config.Disks = append(config.Disks, newDisk(b, 400))
	output(b, "", "mkfs.ext4", "-q", "-d", files(b, 300<<20), config.Disks[3])
	var theirs []measurement
	for _, w := range own {
		theirs = append(theirs, measure(b, config, w))
	}
	for _, w := range ours {
		o := measure(b, config, w)
		for i, k := range theirs {
			row("save: "+w.what+", s", own[i].what, o.save.wall, k.save.wall, "1.00")
			row("the same, of the processors", "", o.save.cpu, k.save.cpu, "1.00")
			row("resume, s", own[i].resume, o.resume.wall, k.resume.wall, "1.00")
			row("the same, of the processors", "", o.resume.cpu, k.resume.cpu, "1.00")
		}
	}
}

// measurement is what a way takes.
type measurement struct{ save, resume spent }

func measure(b *testing.B, config Config, w way) (taken measurement) {
	b.Helper()
	m := startMeasured(b, config)
	m.Run("killall -STOP witness && mount /dev/vdd /mnt && cat /mnt/files > /dev/null")
	began := m.spent(b)
	save := m.Begin(w.save)
	m.Off()
	taken.save = m.spent(b).since(began)

	m = Start(b, config)
	began = m.spent(b)
	if out, status := m.Resume(w.resume, save); status != 0 {
		b.Fatalf("%s: exit status %d\n%s", w.save, status, out)
	}
	taken.resume = m.spent(b).since(began)
	m.Kill()
	return taken
}

// files returns a directory with so many bytes of what a machine has read: programs and
// libraries, of the host's.
func files(b *testing.B, size int64) string {
	b.Helper()
	dir := b.TempDir()
	output(b, "", "sh", "-c", fmt.Sprintf("find /usr/bin /usr/lib /usr/local -type f -size +64k -print0 | sort -z | xargs -0 cat | head -c %d > %s/files", size, dir))
	return dir
}

// spent is what a machine has taken so far, of the time and of the host's processors.
type spent struct{ wall, cpu float64 }

func (s spent) since(before spent) spent { return spent{s.wall - before.wall, s.cpu - before.cpu} }

// spent also holds for a machine that is off.
func (m *Machine) spent(b *testing.B) spent {
	b.Helper()
	now := float64(time.Now().UnixNano()) / 1e9
	if st := m.qemu.ProcessState; st != nil {
		return spent{now, (st.UserTime() + st.SystemTime()).Seconds()}
	}
	stat := string(read(b, fmt.Sprintf("/proc/%d/stat", m.qemu.Process.Pid)))
	_, after, _ := strings.Cut(stat, ") ")
	words := strings.Fields(after)
	ticks := numbers(b, words[11]+" "+words[12]) // utime and stime: proc(5)
	return spent{now, (ticks[0] + ticks[1]) / 100}
}

// saveAndPowerOff saves to a disk, with what comes after snapcat's name.
func saveAndPowerOff(rest string) string {
	return "sh -c 'set -o pipefail; snapcat --quiet --freeze-filesystems --then poweroff " + rest + "; exit $?'"
}

// hibernateTo has the kernel save itself to the swap disk.
func hibernateTo(before string) string {
	return before + "echo shutdown > /sys/power/disk; swapon " + theSwap + " && echo disk > /sys/power/state"
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
