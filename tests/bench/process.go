// Snapshots and resumes of a live process.

package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const nobody = 65534

// as is who snapshots whom: both are the same user.
type as struct {
	name   string
	prefix string // of a command
	user   *syscall.Credential
}

func users() []as {
	me := as{name: "unprivileged"}
	if os.Getuid() != 0 {
		return []as{me}
	}
	me.name = "root"
	return []as{me, {
		name:   "unprivileged",
		prefix: fmt.Sprintf("setpriv --reuid %d --regid %d --clear-groups ", nobody, nobody),
		user:   &syscall.Credential{Uid: nobody, Gid: nobody},
	}}
}

// stopped are the targets, and for how long they may stand still.
var stopped = []struct {
	what   string
	target target
	bar    time.Duration
	gcore  bool // too slow with a thousand threads
}{
	{"2 GiB in 4K pages", target{mib: 2048, writes: true}, 60 * time.Millisecond, true},
	{"2 GiB in huge pages", target{mib: 2048, huge: true, writes: true}, 5 * time.Millisecond, true},
	{"64 MiB, 1000 threads", target{mib: 64, threads: 1000}, 60 * time.Millisecond, false},
}

// pauses measures for how long a snapshot stops its target.
func pauses(dir string, rounds int) error {
	fmt.Println("\n| pause of a process, as itself sees it | by | ms | bar | a bare fork, ms | stop and copy (`gcore`), ms | ratio |")
	fmt.Println("|---|---|---:|---:|---:|---:|---:|")
	for _, p := range stopped {
		fork := func(c *child) error { _, err := c.ask("fork"); return err }
		bare, err := pauseOf(p.target, as{}, fork, rounds)
		if err != nil {
			return err
		}
		for _, who := range users() {
			pause, err := pauseOf(p.target, who, command(dir, who, "snapcat process:%d > /dev/null"), rounds)
			if err != nil {
				return err
			}
			peer := "|"
			if p.gcore && missing("gcore") == "" {
				stop, err := pauseOf(p.target, who, command(dir, who, "gcore -o core %d > /dev/null 2>&1"), 1)
				if err != nil {
					return err
				}
				peer = fmt.Sprintf("%.0f | %.0f times shorter", ms(stop), ms(stop)/ms(pause))
			}
			fmt.Printf("| %s | %s | **%.1f** | %.0f, %s | %.1f | %s |\n", p.what, who.name, ms(pause), ms(p.bar), met(pause <= p.bar), ms(bare), peer)
		}
	}
	return nil
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

// forked is ample for the page tables that a fork copies.
const forked = 64 << 20

// command is a shell command with the process ID of a child in it.
func command(dir string, who as, line string) func(*child) error {
	return func(c *child) error {
		_, err := shell(dir, who.prefix+fmt.Sprintf(line, c.pid()))
		return err
	}
}

// pauseOf is for how long a target does not run while something is done to it,
// median of some rounds. Each has a new target: one that was snapshotted before
// has had its huge pages split by what it wrote since.
func pauseOf(t fmt.Stringer, who as, do func(*child) error, rounds int) (time.Duration, error) {
	var all []time.Duration
	for range rounds {
		c, err := startChildAs(t.String(), who.user)
		if err != nil {
			return 0, err
		}
		pause, err := c.pause(do)
		c.stop()
		if err != nil {
			return 0, err
		}
		all = append(all, pause)
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

// pause is for how long the child does not run while something is done to it,
// less the longest time for which it did not run in the second before.
func (c *child) pause(do func(*child) error) (time.Duration, error) {
	if _, err := c.nanoseconds("gap"); err != nil {
		return 0, err
	}
	time.Sleep(time.Second)
	if err := warm(forked); err != nil {
		return 0, err
	}
	noise, err := c.nanoseconds("gap")
	if err != nil {
		return 0, err
	}
	if err := do(c); err != nil {
		return 0, err
	}
	gap, err := c.nanoseconds("gap")
	return max(0, gap-noise), err
}

// nanoseconds asks for a time.
func (c *child) nanoseconds(what string) (time.Duration, error) {
	answer, err := c.ask(what)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(answer, 10, 64)
	return time.Duration(n), err
}

// processes measures a process of 2 GiB against a file with the same image.
func processes(dir string, rounds int) error {
	header()
	for _, who := range users() {
		c, err := startChildAs(target{mib: 2048}.String(), who.user)
		if err != nil {
			return err
		}
		err = throughput(dir, who, c.pid(), rounds)
		c.stop()
		if err != nil {
			return err
		}
	}
	return extraMemory(dir, rounds)
}

// throughput measures what one user does to a process.
func throughput(dir string, who as, pid, rounds int) error {
	snapcat := fmt.Sprintf("%ssnapcat", who.prefix)
	for _, s := range []string{
		fmt.Sprintf("rm -f core*; %s --raw process:%d > core", snapcat, pid),
		fmt.Sprintf("%s process:%d | snapcompress | snapverify > core.img", snapcat, pid),
		"zstd -q -1 -T0 -c core > core.zst",
	} {
		if _, err := shell(dir, s); err != nil {
			return err
		}
	}
	rest := "| snapcompress | snapverify > out"
	const written, resumed = 1 << 30, 2200 << 20
	for _, r := range []row{
		{
			what: "`snapcat --raw process:PID`", bar: 0.5,
			ours: fmt.Sprintf("%s --raw process:%d | cat > /dev/null", snapcat, pid), theirs: "cat core | cat > /dev/null",
		},
		{
			what: "`snapcat process:PID`", bar: 0.65,
			ours: fmt.Sprintf("%s process:%d | cat > /dev/null", snapcat, pid), theirs: "cat core | cat > /dev/null",
		},
		{
			what: "whole pipeline from a process", bar: 1.1,
			ours: fmt.Sprintf("%s process:%d %s", snapcat, pid, rest), theirs: "snapcat file:core " + rest,
			memory: written,
		},
		{
			what: "resume of a process", bar: 1.3,
			ours: who.prefix + "snapresume --detach core.img | xargs kill -9", theirs: "zstd -q -d -T0 -c core.zst > /dev/null",
			memory: resumed,
		},
	} {
		r.what += ", 2 GiB, " + who.name
		if err := r.measure(dir, rounds); err != nil {
			return err
		}
	}
	return nil
}

// extraMemory prints how much more memory is in use while a process that
// writes nothing is snapshotted slowly.
func extraMemory(dir string, rounds int) error {
	c, err := startChild(target{mib: 1024}.String())
	if err != nil {
		return err
	}
	defer c.stop()
	var all []int64
	for range rounds {
		n, err := mostMemory(dir, c.pid())
		if err != nil {
			return err
		}
		all = append(all, n)
	}
	slices.Sort(all)
	fmt.Printf("\nMost memory that a snapshot of a process of 1 GiB takes beyond that: %d MiB (bar: 100 MiB and what the target dirties, which is nothing)\n", all[len(all)/2]>>20)
	return nil
}

// mostMemory is by how many bytes less memory is available at some moment of
// a snapshot than before it.
func mostMemory(dir string, pid int) (int64, error) {
	time.Sleep(time.Second) // for what ended before to be gone
	before, err := available()
	if err != nil {
		return 0, err
	}
	least := before
	done := make(chan error, 1)
	go func() {
		_, err := shell(dir, fmt.Sprintf("snapcat process:%d | snapcompress > /dev/null", pid))
		done <- err
	}()
	for {
		select {
		case err := <-done:
			return before - least, err
		case <-time.After(10 * time.Millisecond):
			now, err := available()
			if err != nil {
				return 0, err
			}
			least = min(least, now)
		}
	}
}

// available is MemAvailable of /proc/meminfo, in bytes.
func available() (int64, error) {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("/proc/meminfo does not say MemAvailable")
}
