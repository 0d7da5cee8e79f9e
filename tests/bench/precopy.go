// Pauses with a copy of the memory beforehand, against those for a fork.

package main

import (
	"fmt"
	"slices"
	"time"
)

// precopies are the targets, for how long they may stand still, and what part of the
// pause for a fork that may be.
var precopies = []struct {
	what   string
	target target
	bar    time.Duration
	part   float64
}{
	{"2 GiB in 4K pages, 10 000 writes/s", target{mib: 2048, writes: true, rate: 10000}, 5 * time.Millisecond, 0.1},
	{"2 GiB in huge pages, 10 000 writes/s", target{mib: 2048, huge: true, writes: true, rate: 10000}, 5 * time.Millisecond, 1.1},
	{"2 GiB in 4K pages, written to as fast as it can", target{mib: 2048, writes: true}, 0, 1.1},
}

// precopied measures both alternately. A bar of 0 is none.
func precopied(dir string, rounds int) error {
	fmt.Println("\n| pause of a process, as itself sees it | by | `--precopy`, ms | bar | a fork, ms | ratio | bar |")
	fmt.Println("|---|---|---:|---:|---:|---:|---:|")
	for _, p := range precopies {
		for _, who := range users() {
			var ours, forks []time.Duration
			for range rounds {
				for _, m := range []struct {
					all    *[]time.Duration
					option string
				}{{&ours, "--precopy "}, {&forks, ""}} {
					pause, err := pauseOf(p.target, who, command(dir, who, "snapcat "+m.option+"process:%d > /dev/null"), 1)
					if err != nil {
						return err
					}
					*m.all = append(*m.all, pause)
				}
			}
			slices.Sort(ours)
			slices.Sort(forks)
			our, fork := ours[rounds/2], forks[rounds/2]
			bar := ""
			if p.bar > 0 {
				bar = fmt.Sprintf("%.0f, %s", ms(p.bar), met(our <= p.bar))
			}
			ratio := ms(our) / ms(fork)
			fmt.Printf("| %s | %s | **%.1f** | %s | %.1f | **%.2f** | %.1f, %s |\n", p.what, who.name, ms(our), bar, ms(fork), ratio, p.part, met(ratio <= p.part))
		}
	}
	return nil
}
