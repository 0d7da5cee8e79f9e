// Which open files are the ends of one pair, and who else has one.

package object

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// pair is a pair that is found.
type pair struct {
	master  int   // index in World.Open
	slaves  []int // likewise
	path    string
	st      unix.Stat_t // of the slave's file
	session int         // or 0
}

// found is the master side, for people too.
func (p *pair) found(t *Taker) *Found {
	return &Found{ref: t.first[p.master], link: "the master side of a pseudo-terminal"}
}

// ptys finds the pairs, and takes those of which nobody else has an end.
func (t *Taker) ptys() error {
	pairs, err := t.pairs()
	if err != nil {
		return err
	}
	if t.o.Dry && len(pairs) > 0 {
		if err := t.findOtherEnds(pairs); err != nil {
			return err
		}
	}
	for _, p := range pairs {
		if why := t.notAlone(p); why != "" {
			err = t.losePair(p, why)
		} else {
			err = t.takePair(p)
		}
		if err != nil {
			return err
		}
	}
	return t.checkControlling()
}

func (t *Taker) losePair(p *pair, why string) error {
	o := p.found(t)
	return t.lose(o, &t.w.Open[p.master], o.link, why)
}

// pairs finds them, with all the slaves that the processes have open.
func (t *Taker) pairs() (all []*pair, err error) {
	for i := range t.w.Open {
		d := &t.w.Open[i]
		if d.Pty == nil {
			continue
		}
		p := &pair{master: i}
		if !t.findSlave(p) {
			if err := t.losePair(p, "the file of its other side is not to be found"); err != nil {
				return nil, err
			}
			continue
		}
		if err := t.findSession(p); err != nil {
			return nil, err
		}
		for j := range t.w.Open {
			if t.isSlave(p, j) {
				p.slaves = append(p.slaves, j)
			}
		}
		all = append(all, p)
	}
	return all, nil
}

// findSlave finds the slave's file: beside the master's, if that is in the devpts(5)
// itself, else in what is mounted at pts beside it (fs/devpts/inode.c: devpts_acquire).
func (t *Taker) findSlave(p *pair) bool {
	d := &t.w.Open[p.master]
	dir := filepath.Dir(string(t.w.Files[d.File].Path))
	for _, dir := range []string{dir, filepath.Join(dir, "pts")} {
		p.path = filepath.Join(dir, fmt.Sprint(d.Pty.Index))
		err := unix.Stat(t.fromRoot(p.path), &p.st)
		if err == nil && p.st.Mode&unix.S_IFMT == unix.S_IFCHR && p.st.Rdev == slaveNumber(d.Pty.Index) {
			return true
		}
	}
	return false
}

// slaveNumber is the device number of a slave: UNIX98_PTY_SLAVE_MAJOR of
// include/uapi/linux/major.h.
func slaveNumber(index int) uint64 { return unix.Mkdev(136, uint32(index)) }

// isSlave reports whether an open file is on the slave side. Of one that was opened as
// /dev/tty only the number is known, and that it is the terminal of the session.
func (t *Taker) isSlave(p *pair, i int) bool {
	d, master := &t.w.Open[i], t.w.Open[p.master].Pty
	if d.Terminal == nil || uint64(d.Terminal.Device) != slaveNumber(master.Index) {
		return false
	}
	if !t.isTTY(i) {
		return uint64(t.w.Files[d.File].Dev) == p.st.Dev
	}
	s := &t.first[i].task.Stat
	return s.Terminal() != int(d.Terminal.Device) || master.Leader != world.NoIndex && t.tasks[master.Leader].PID == s.Session()
}

// isTTY reports whether an open file was opened as /dev/tty.
func (t *Taker) isTTY(i int) bool {
	return uint64(t.w.Files[t.w.Open[i].File].Rdev) == unix.Mkdev(5, 0) // Documentation/admin-guide/devices.txt
}

// findSession finds the session whose terminal it is.
func (t *Taker) findSession(p *pair) error {
	fd, err := t.borrow(p.found(t))
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if p.session, err = unix.IoctlGetInt(fd, unix.TIOCGSID); err != nil {
		p.session = 0 // ENOTTY: it is nobody's
		return nil
	}
	t.w.Open[p.master].Pty.Leader = t.taskOf(p.session)
	return nil
}

// notAlone says why somebody else has to do with a pair, or "".
func (t *Taker) notAlone(p *pair) string {
	if who, ok := t.known.elsewhere[p.path]; ok {
		return who
	}
	if p.session != 0 && t.w.Open[p.master].Pty.Leader == world.NoIndex {
		return fmt.Sprintf("it is the terminal of session %d, whose leader is not taken", p.session)
	}
	return ""
}

// findOtherEnds looks for an end that another process has. It looks at all of them,
// which takes a while, and so before the program is stopped.
func (t *Taker) findOtherEnds(pairs []*pair) error {
	masters, byPath := map[string][]*pair{}, map[string]*pair{}
	for _, p := range pairs {
		link := t.links[p.master]
		masters[link] = append(masters[link], p)
		byPath[p.path] = p
	}
	pids, err := t.o.Others()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		eachOpen(pid, func(fds *proc.FDs, fd int, link string, _ bool) {
			if p, ok := byPath[link]; ok {
				var st unix.Stat_t
				if fds.Stat(fd, &st) == nil && st.Dev == p.st.Dev {
					t.known.elsewhere[p.path] = proc.Title(pid) + " has its other side open"
				}
			}
			for _, p := range masters[link] {
				r := t.first[p.master]
				if order, err := sys.Kcmp(r.task.PID, pid, sys.KcmpFile, r.fd, fd); err == nil && order == 0 {
					t.known.elsewhere[p.path] = proc.Title(pid) + " has it too"
				}
			}
		})
	}
	return nil
}

// checkControlling refuses a session of the tree on a terminal that is not: but for
// that of the first process, which becomes what snapresume has.
func (t *Taker) checkControlling() error {
	has := map[int]bool{}
	for i := range t.w.Open {
		if p := t.w.Open[i].Pty; p != nil {
			has[p.Leader] = true
		}
	}
	for i, k := range t.tasks {
		if i > 0 && k.Stat.Terminal() != 0 && k.Stat.Session() == k.PID && !has[i] {
			return k.refuse("", "it leads a session on a terminal of which the other side is not taken")
		}
	}
	return nil
}
