// Memory that the twin does not have, or does not have to itself. It is copied
// while the program is stopped.
//
//   - Shared memory stays shared with the twin, so the program goes on
//     changing it. Files that can be opened again are left alone, since they
//     are not part of the image; what has no name any more is.
//   - MADV_DONTFORK keeps memory from the twin.
//
// What MADV_WIPEONFORK gives zeros is not among that. An image is a copy of the
// program, as a child is, and may become several: such memory holds what no two
// of them may have in common, most often the state of a random number generator.

package capture

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"

	"snappipe/kernel/process/object"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/ptrace"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// content is where the bytes of one of img.Contents are.
type content struct{ pieces []piece }

func (t *tree) keepShared() error {
	if err := errors.Join(t.each((*member).openPagemap), t.eachSpace((*member).keepUnforked, (*member).noteMapped)); err != nil {
		return err
	}
	if err := t.checkAttached(); err != nil {
		return err
	}
	for i := range t.img.Files {
		if err := t.keepInode(i); err != nil {
			return err
		}
	}
	return t.keepIPC()
}

// checkAttached counts the mappings of System V shared memory that those who are taken
// have, and by now their twins.
func (t *tree) checkAttached() error {
	if !t.files.HasSegments() {
		return nil
	}
	count := map[int]int{}
	for _, c := range t.members {
		twins, err := proc.Maps(c.twin.PID)
		if err != nil {
			return err
		}
		if c.ownsMemory() {
			twins = append(twins, c.frozen.maps...)
		}
		for _, m := range twins {
			if m.Segment() {
				count[int(m.Ino)]++
			}
		}
	}
	return t.files.CheckAttached(count)
}

func (c *member) openPagemap() (err error) {
	c.frozen.pagemap, err = proc.OpenPagemap(c.pid)
	return err
}

func (c *member) noteMapped() error { return c.files.MappedBy(c.opener, c.frozen.maps) }

// keepUnforked copies private memory that the twin lacks, and notes the guards
// of what is wiped in it.
func (c *member) keepUnforked() error {
	pagemap := c.frozen.pagemap
	all, err := c.compare()
	if err != nil {
		return err
	}
	if err := c.lateFlags(all); err != nil {
		return err
	}
	for i := range c.frozen.maps {
		m := &c.frozen.maps[i]
		switch {
		case m.Shared || m.Kernel():
		case all[i].lacking:
			err = c.keepPrivate(m, pagemap)
		case all[i].newer || all[i].wiped:
			err = c.noteGuards(m, pagemap)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compared is what a mapping is beside the survey and the twin.
type compared struct {
	newer   bool // than the survey
	lacking bool // in the twin
	wiped   bool // there
}

// compare does so for all of frozen.maps, while the program is stopped: there may be
// tens of thousands, and each is looked up once. That the twin lacks one that is newer
// than the survey only the twin can tell.
func (c *member) compare() ([]compared, error) {
	all := make([]compared, len(c.frozen.maps))
	var twins map[uint64]bool
	for i := range c.frozen.maps {
		m := &c.frozen.maps[i]
		if old, known := c.flagsOf(m); known {
			all[i] = compared{lacking: old.Has("dc"), wiped: old.Has("wf")}
			continue
		}
		if twins == nil {
			maps, err := proc.Maps(c.twin.PID)
			if err != nil {
				return nil, err
			}
			twins = make(map[uint64]bool, len(maps))
			for j := range maps {
				twins[maps[j].Start] = true
			}
		}
		all[i] = compared{newer: true, lacking: !twins[m.Start]}
	}
	return all, nil
}

// keepPrivate copies what a mapping has: its pages, or of a file all up to the
// end of that.
func (c *member) keepPrivate(m *proc.Map, pagemap *proc.Pagemap) error {
	which := proc.Present
	if m.File() {
		which = proc.Private
	}
	s, err := pagemap.Scan(m.Start, m.End, which)
	if err == nil {
		err = c.tellGuards(&s, m.Swap, pagemap.TellsGuards(), c.mem)
	}
	if err != nil {
		return err
	}
	runs := s.Pages
	c.guards[m.Start] = s.Guards
	if m.File() && m.Prot != unix.PROT_NONE {
		if len(s.Guards) > 0 {
			return c.refuseCovered(m)
		}
		c.private[m.Start] = runs
		file, err := c.files.Mapped(c.opener, m)
		if err != nil {
			return err
		}
		end, err := c.endOfFile(file, m, c.mem)
		if err != nil {
			return err
		}
		runs = []proc.Run{{Start: m.Start, End: end}}
	}
	c.kept[m.Start], err = c.copyRuns(c.mem, runs)
	return err
}

// copyRuns copies memory to the store.
func (t *tree) copyRuns(mem *ptrace.Memory, runs []proc.Run) (all []piece, err error) {
	all = []piece{} // what was looked at and is empty is not nil
	for _, r := range runs {
		if r.Start == r.End {
			continue
		}
		at, err := t.store.Fill(int64(r.End-r.Start), func(b []byte) error { return mem.Read(b, r.Start) })
		if err != nil {
			return nil, err
		}
		all = append(all, piece{r.Start, r.End, true, at})
	}
	return all, nil
}

// keepInode copies what an inode holds, if it can't be opened again.
func (t *tree) keepInode(i int) error {
	h, ok := t.files.Held(i)
	if !ok {
		return nil
	}
	var parts content
	var err error
	size := h.Size
	path := h.Path
	if path == "" {
		path = t.mapFile(&h)
	}
	if path != "" {
		parts.pieces, err = t.copyFile(path)
	} else {
		parts.pieces, size, err = t.copyMapped(&h)
	}
	switch {
	case h.Segment != nil:
		size = int64(pages(h.Size))
		if path == "" && err == nil && !t.isWhole(&h) {
			return h.NotWhole()
		}
	case path == "":
		h.File.Size = size
	}
	if errors.Is(err, fs.ErrPermission) {
		parts.pieces, err = t.copyOpen(&h)
	}
	if err != nil {
		return fmt.Errorf("keeping what %q holds: %w", h.File.Path, err)
	}
	h.Content = len(t.img.Contents)
	t.img.Contents = append(t.img.Contents, world.Content{Size: size})
	t.contents = append(t.contents, parts)
	return nil
}

// copyOpen copies a file that this user may not open, but the program has open for
// reading. The offset, which is the program's, stays where it is, and so holes are
// read as zeros.
func (t *tree) copyOpen(h *object.Held) ([]piece, error) {
	f, err := h.Borrow()
	if err != nil || h.Size == 0 {
		return nil, err
	}
	defer f.Close()
	at, err := t.store.Fill(h.Size, func(b []byte) error {
		_, err := io.ReadFull(io.NewSectionReader(f, 0, h.Size), b)
		return err
	})
	if errors.Is(err, unix.EBADF) {
		return nil, h.Unreadable()
	}
	return []piece{{0, uint64(h.Size), true, at}}, err
}

// copyFile copies a file, but for its holes, to the store.
func (t *tree) copyFile(path string) (all []piece, err error) {
	// That it is read is not the program's doing, and not shown as if it were.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOATIME, 0)
	if errors.Is(err, unix.EPERM) {
		f, err = os.Open(path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for off := int64(0); ; {
		start, err := f.Seek(off, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		end, err := f.Seek(start, unix.SEEK_HOLE)
		if err != nil {
			return nil, err
		}
		// Pages of the file stay pages of the image.
		start &^= world.Page - 1
		at, err := t.store.Fill(end-start, func(b []byte) error {
			_, err := io.ReadFull(io.NewSectionReader(f, start, end-start), b)
			return err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, piece{uint64(start), uint64(end), true, at})
		off = end
	}
}

// mapFile is a path that leads to what only mappings lead to, or "". Who may take
// checkpoints, as root may, can open it (proc_pid_map_files(5)).
func (t *tree) mapFile(h *object.Held) string {
	for c, m := range t.mappings(h) {
		path := fmt.Sprintf("/proc/%d/map_files/%x-%x", c.pid, m.Start, m.End)
		f, err := os.Open(path)
		if err != nil {
			return ""
		}
		f.Close()
		return path
	}
	return ""
}

// mappings are the shared ones of an inode.
func (t *tree) mappings(h *object.Held) iter.Seq2[*member, *proc.Map] {
	return func(yield func(*member, *proc.Map) bool) {
		for _, c := range t.members {
			if !c.ownsMemory() {
				continue
			}
			for i := range c.frozen.maps {
				m := &c.frozen.maps[i]
				if h.Is(m) && !yield(c, m) {
					return
				}
			}
		}
	}
}

// copyMapped copies shared memory that only its mappings lead to. Which pages
// there are is told by the page tables and, since another process may have
// made them, by mincore(2); neither shows pages that are swapped out.
func (t *tree) copyMapped(h *object.Held) (all []piece, size int64, err error) {
	for c, m := range t.mappings(h) {
		size = max(size, int64(m.Offset+m.End-m.Start))
		mem, err := c.uncovered(m, c.frozen.pagemap)
		if err != nil {
			return nil, 0, err
		}
		runs, err := c.presentShared(m, c.frozen.pagemap)
		if err != nil {
			return nil, 0, err
		}
		copies, err := t.copyRuns(mem, runs)
		if err != nil {
			return nil, 0, err
		}
		for _, p := range copies {
			all = append(all, piece{p.start - m.Start + m.Offset, p.end - m.Start + m.Offset, true, p.at})
		}
	}
	return disjoint(all), size, nil
}

// isWhole reports whether there is a mapping of every page of an inode.
func (t *tree) isWhole(h *object.Held) bool {
	var all []proc.Run
	for _, m := range t.mappings(h) {
		all = proc.Union(all, []proc.Run{{Start: m.Offset, End: m.Offset + m.End - m.Start}})
	}
	return len(all) == 1 && all[0].Start == 0 && all[0].End == pages(h.Size)
}

func (c *member) presentShared(m *proc.Map, pagemap *proc.Pagemap) ([]proc.Run, error) {
	if old, known := c.flagsOf(m); known && old.Swap > 0 {
		return []proc.Run{{Start: m.Start, End: m.End}}, nil
	}
	runs, err := pagemap.Runs(m.Start, m.End, proc.Present)
	if err != nil {
		return nil, err
	}
	resident, err := c.twin.resident(m.Start, m.End)
	if errors.Is(err, unix.ENOMEM) { // not in the twin
		return runs, nil
	}
	return proc.Union(runs, resident), err
}

// disjoint sorts pieces and cuts off what several have: the same memory may
// be mapped twice.
func disjoint(all []piece) []piece {
	slices.SortFunc(all, func(x, y piece) int { return cmp.Compare(x.start, y.start) })
	var out []piece
	var end uint64
	for _, p := range all {
		if p.end <= end {
			continue
		}
		if p.start < end {
			p.at += end - p.start
			p.start = end
		}
		out, end = append(out, p), p.end
	}
	return out
}
