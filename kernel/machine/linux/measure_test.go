// How long other processes wait: `go test -run '^$' -bench . -v` prints the
// tables of tests/bench/README.md. All numbers are of one guest in one run, and
// only their ratios mean anything.

package linux

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"snappipe/tests/vm"
)

// rounds is how often each way is taken, in turn.
const rounds = 3

// ways are those into the kernel, by what comes before the tool's name.
var ways = []struct{ name, prefix string }{{"the calls", ""}, {"/dev/snapshot", "/tmp/without "}}

// ticks is what tests/tick.c says.
type ticks struct {
	worst []float64 // in ms, the longest first
	count []int     // below 2 ms, 10, 100, 1000, and above
}

// during is what a process that ticks sees while a command runs.
func during(b *testing.B, m *vm.Machine, command string) (t ticks) {
	b.Helper()
	out := m.Run("/tmp/tick > /run/ticks & sleep 1; " + command + "; status=$?; kill $!; wait $!; cat /run/ticks; (exit $status)")
	t.worst, t.count = make([]float64, 5), make([]int, 5)
	var into []any
	for i := range t.worst {
		into = append(into, &t.worst[i])
	}
	for i := range t.count {
		into = append(into, &t.count[i])
	}
	if _, err := fmt.Sscan(out, into...); err != nil {
		b.Fatalf("%s: %q: %v", command, out, err)
	}
	return t
}

// fill makes the image of m as large as wanted.
func fill(b *testing.B, m *vm.Machine, mb int) (got int) {
	b.Helper()
	const size = "snapcat --quiet --raw | wc -c"
	m.Run("rm -f /run/ballast; sync; echo 3 > /proc/sys/vm/drop_caches")
	var bare int
	if _, err := fmt.Sscan(m.Run(size), &bare); err != nil {
		b.Fatal(err)
	}
	if more := mb*1000 - bare/1000; more > 0 {
		m.Run(fmt.Sprintf("dd if=/dev/urandom of=/run/ballast bs=1000 count=%d 2> /dev/null", more))
	}
	if _, err := fmt.Sscan(m.Run(size), &got); err != nil {
		b.Fatal(err)
	}
	return got / 1e6
}

// For how long the machine stands still, by the size of the image.
func BenchmarkStandStill(b *testing.B) {
	vm.RequireTime(b)
	m := start(b, plain, vm.Config{Memory: 1024})
	fmt.Println("| image, MB | the calls, ms | /dev/snapshot, ms | ratio |\n|---:|---:|---:|---:|")
	for _, mb := range []int{40, 120, 250} {
		size := fill(b, m, mb)
		longest := make([][]float64, len(ways))
		for range rounds {
			for i, w := range ways {
				longest[i] = append(longest[i], during(b, m, w.prefix+"snapcat --quiet > /dev/null").worst[0])
			}
		}
		calls, device := median(longest[0]), median(longest[1])
		fmt.Printf("| %d | %.0f | %.0f | %.2f |\n", size, calls, device, calls/device)
	}
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// A process that ticks while the machine is saved to a disk. In hibernation by
// the kernel itself, no process sees the end of it, so it is timed from
// outside.
func BenchmarkTicks(b *testing.B) {
	vm.RequireTime(b)
	m := start(b, plain, vm.Config{Memory: 1024, CPUs: 2, Disks: []string{emptyDisk(b, 512), emptyDisk(b, 512)}})
	size := fill(b, m, 120)
	fmt.Printf("| image of %d MB | < 2 ms | < 10 ms | < 100 ms | < 1 s | longer | longest, ms | next, ms |\n|---|%s\n",
		size, strings.Repeat("---:|", 7))
	for _, w := range ways {
		t := during(b, m, w.prefix+"snapcat --quiet | snapcompress --quiet | snapverify --quiet > /dev/vda")
		fmt.Printf("| %s | %d | %d | %d | %d | %d | %.0f | %.0f |\n", w.name,
			t.count[0], t.count[1], t.count[2], t.count[3], t.count[4], t.worst[0], t.worst[1])
	}
	m.Run("mkswap /dev/vdb > /dev/null && swapon /dev/vdb && echo shutdown > /sys/power/disk")
	began := time.Now()
	m.Begin("echo disk > /sys/power/state")
	m.Off()
	fmt.Printf("| hibernation by the kernel |  |  |  |  | 1 | %d |  |\n", time.Since(began).Milliseconds())
}
