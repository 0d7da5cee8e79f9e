// What an image says of itself for people, and to be checked before it is read. The
// stream says by itself what machine it was made on, and when.

package capture

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"snappipe/kernel"
	"snappipe/kernel/process/world"
)

func (t *tree) facts() kernel.Facts {
	p, host := &t.img.Tasks[0], &t.img.Host
	facts := kernel.Facts{
		{Name: "kernel-release", Value: host.Release},
		{Name: "pid", Value: strconv.Itoa(p.PID)},
		{Name: "command", Value: command(p)},
		{Name: "executable", Value: t.executable(p)},
		{Name: "threads", Value: strconv.Itoa(len(p.Threads))},
		{Name: "vdso", Value: host.VDSO},
		{Name: "xfeatures", Value: fmt.Sprintf("%#x", uint64(host.XFeatures))},
		{Name: "processes", Value: strconv.Itoa(len(t.img.Tasks))},
	}
	const mostListed = 900 // of the 1024 facts that a stream may have
	for i := range t.img.Tasks[:min(len(t.img.Tasks), mostListed)] {
		p := &t.img.Tasks[i]
		facts = append(facts, kernel.Fact{Name: fmt.Sprintf("process-%d", p.PID), Value: t.inWords(p)})
	}
	const longest = 4096 // of which a user sees the start
	for i, f := range facts {
		facts[i].Value = strings.ToValidUTF8(f.Value[:min(len(f.Value), longest)], "\ufffd")
	}
	return facts
}

func command(p *world.Task) string {
	args := make([]string, len(p.Cmdline))
	for i, a := range p.Cmdline {
		args[i] = string(a)
	}
	return strings.Join(args, " ")
}

func (t *tree) executable(p *world.Task) string {
	if p.Exe == world.NoIndex {
		return ""
	}
	return string(t.img.Files[p.Exe].Path)
}

// inWords is a line about a process: who looks for one finds its parent, what it
// has, and where its core file begins.
func (t *tree) inWords(p *world.Task) string {
	if p.Dead() {
		return fmt.Sprintf("%s, child of %d: has ended, and was not waited for", p.Comm, p.PPID)
	}
	memory, descriptors := t.firstWith(func(o *world.Task) bool { return o.Space == p.Space }), t.firstWith(func(o *world.Task) bool { return o.Table == p.Table })
	var bytes int64
	for _, pieces := range t.members[memory].pieces {
		for _, piece := range pieces {
			bytes += int64(piece.end - piece.start)
		}
	}
	return fmt.Sprintf("%s, child of %d: threads %d, descriptors %d%s, bytes of memory %d%s, core file at %d",
		p.Comm, p.PPID, len(p.Threads), len(t.img.Tables[p.Table].FDs), t.ofAnother(descriptors, p), bytes, t.ofAnother(memory, p), p.Core)
}

// firstWith is the first process of which something is true.
func (t *tree) firstWith(is func(*world.Task) bool) int {
	return slices.IndexFunc(t.img.Tasks, func(o world.Task) bool { return is(&o) })
}

// ofAnother says whose something of a process is too.
func (t *tree) ofAnother(first int, p *world.Task) string {
	if pid := t.img.Tasks[first].PID; pid != p.PID {
		return fmt.Sprintf(" (those of %d)", pid)
	}
	return ""
}
