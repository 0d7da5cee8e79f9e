package vm

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// For how long the machine stands still, beside what other ways would take.
// All numbers are of one guest in one run; only their ratios mean anything.
func BenchmarkStandStill(b *testing.B) {
	Require(b)
	tool := filepath.Join(b.TempDir(), "measure")
	output(b, "", "gcc", "-O2", "-static", "-o", tool, "measure/measure.c")
	program := newDisk(b, 8)
	f, err := os.OpenFile(program, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := f.Write(read(b, tool)); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	m := Start(b, Config{Memory: 1024, CPUs: 2, Disks: []string{newDisk(b, 600), program}})
	m.Run("cp /dev/vdb /bin/measure && chmod +x /bin/measure")
	startWitnesses(m, 10)

	var bare, ours []float64
	for range 5 {
		bare = append(bare, numbers(b, m.Run("measure bare"))[0])
		out := m.Run("snapcat -v 2>&1 > /dev/null | grep stood")
		var seconds float64
		if _, err := fmt.Sscanf(strings.TrimSpace(out), "snapcat: the machine stood still for %f s", &seconds); err != nil {
			b.Fatalf("%q: %v", out, err)
		}
		ours = append(ours, 1000*seconds)
	}
	b.ReportMetric(median(bare), "bare-ms")
	b.ReportMetric(median(ours), "ours-ms")

	// What a compressor inside the freeze would add.
	m.Run("snapcat --raw > /run/flat")
	for name, command := range map[string]string{
		"gzip-9": "gzip -9 < /run/flat > /dev/vda",
		"zstd-1": "snapcat file:/run/flat | snapcompress --level 1 > /dev/vda",
	} {
		start := time.Now()
		m.Run(command)
		b.ReportMetric(float64(time.Since(start).Milliseconds()), name+"-ms")
	}
	m.Run("rm /run/flat")

	// The longest pause of another process is the snapshot itself; the one
	// after it is what the filters cause.
	pauses := numbers(b, m.Run("measure tick 40 > /run/pauses & snapcat | snapcompress | snapverify > /dev/vda; wait $!; cat /run/pauses"))
	b.ReportMetric(pauses[0], "longest-pause-ms")
	b.ReportMetric(pauses[1], "next-pause-ms")
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

func numbers(b *testing.B, line string) (all []float64) {
	b.Helper()
	for _, word := range strings.Fields(line) {
		var n float64
		if _, err := fmt.Sscan(word, &n); err != nil {
			b.Fatalf("%q: %v", line, err)
		}
		all = append(all, n)
	}
	if len(all) < 2 {
		b.Fatalf("%q: not enough numbers", line)
	}
	return all
}
