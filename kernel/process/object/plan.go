// What the making of open files does with what is outside of the processes, said from
// the image alone: for whoever does not trust that. Each kind says it beside its code.

package object

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/world"
)

// planner gathers it for one open file after the other.
type planner struct {
	kernel.Actions
	world *world.World
}

// Plan returns what a [Maker] would do, file by file.
func Plan(w *world.World) []kernel.Action {
	p := &planner{world: w}
	for i := range w.Files {
		p.content(&w.Files[i])
	}
	for i := range w.Semaphores {
		s := &w.Semaphores[i]
		p.Say("make", "System V semaphores", fmt.Sprintf("ID %d, key %#x, %d of them, user %d, group %d, mode %#o", s.ID, uint32(s.Key), len(s.Values), s.UID, s.GID, s.Mode))
	}
	holders := p.holders()
	for i := range w.Open {
		o := &w.Open[i]
		p.Of = holders[i]
		if o.Outside {
			p.Say("hand over", "standard descriptor", "in the place of a "+string(o.Kind)+" to another process")
		}
		byName[o.Kind].plan(p, o)
		for _, l := range o.Locks {
			how := "reading"
			if l.Write {
				how = "writing"
			}
			p.Say("lock", p.path(o), fmt.Sprintf("%s, %s", l.Type, how))
		}
	}
	return p.All
}

// holders says of each open file who has it, by its first descriptor.
func (p *planner) holders() []string {
	all := make([]string, len(p.world.Open))
	for t := range p.world.Tasks {
		task := &p.world.Tasks[t]
		if task.Dead() {
			continue
		}
		for _, f := range p.world.Tables[task.Table].FDs {
			if all[f.Open] == "" {
				all[f.Open] = fmt.Sprintf("process %d, fd %d", task.PID, f.FD)
			}
		}
	}
	return all
}

// content is about a file that is made of bytes of the image.
func (p *planner) content(f *world.File) {
	if f.Content == world.NoIndex {
		return
	}
	how := fmt.Sprintf("%d bytes, user %d, group %d, mode %#o", p.world.Contents[f.Content].Size, f.UID, f.GID, f.Mode&0o7777)
	if g := f.Segment; g != nil {
		p.Say("make", "System V shared memory", fmt.Sprintf("ID %d, key %#x, %d bytes, user %d, group %d, mode %#o, locked %v",
			g.ID, g.Key, p.world.Contents[f.Content].Size, g.UID, g.GID, g.Mode, g.Locked))
		return
	}
	if IsTemporary(f) {
		p.Say("make", filepath.Dir(string(f.Path)), "a file without a name in that directory, "+how)
		return
	}
	p.Say("make", string(f.Path), "a file in memory, "+how)
}

func (p *planner) path(o *world.OpenFile) string {
	if o.File == world.NoIndex {
		return ""
	}
	return string(p.world.Files[o.File].Path)
}

// inward is the plan of what nobody outside of the processes can notice.
func inward(p *planner, o *world.OpenFile) { p.Say("make", string(o.Kind), "") }

// Access says what a file is opened for, by flags of open(2).
func Access(flags int) string {
	switch {
	case flags&unix.O_PATH != 0:
		return "neither reading nor writing"
	case flags&unix.O_ACCMODE == unix.O_WRONLY:
		return "writing"
	case flags&unix.O_ACCMODE == unix.O_RDWR:
		return "reading, writing"
	}
	return "reading"
}
