// What is said of an image that anybody may have written.

package restore

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/world"
)

// busy is a World of two processes and one that has ended, with something open of most
// kinds.
func busy() *world.World {
	const none = world.NoIndex
	w := world.One()
	w.Version = world.Version
	w.Spaces, w.Tables = make([]world.Space, 2), make([]world.Table, 2)
	w.Tasks = make([]world.Task, 3)
	for i := range w.Tasks {
		t := &w.Tasks[i]
		t.PID, t.PPID, t.PGID, t.SID = 100+i, 100, 100, 100
		t.Space, t.Table, t.Root, t.ExitSignal = i, i, "/", 17
		t.Threads = []world.Thread{{TID: t.PID, Comm: "busy", XState: make([]byte, 832)}}
	}
	w.Tasks[2].Space, w.Tasks[2].Table, w.Tasks[2].Threads = none, none, nil
	for i := range w.Spaces {
		w.Spaces[i].VMAs = []world.VMA{
			{Start: 0x10000, End: 0x12000, Prot: 5, VMFlags: "rd ex mr mw me", File: 0},
			{Start: 0x20000, End: 0x21000, Prot: 3, Shared: true, VMFlags: "rd wr sh mr mw lo", File: 1},
			{Start: 0x30000, End: 0x34000, Prot: 3, VMFlags: "rd wr", Name: "[heap]", File: none},
		}
	}
	w.Files = []world.File{
		{Path: "/bin/busy", Mode: unix.S_IFREG | 0o755, Size: 8192, Content: none},
		{Path: "/tmp/file", Mode: unix.S_IFREG | 0o644, Size: 4096, Content: none},
		{Path: "/tmp", Mode: unix.S_IFDIR | 0o755, Content: none},
		{Path: "/tmp/#7", Ino: 7, Deleted: true, Mode: unix.S_IFREG | 0o600, Size: 5, Content: 0},
		{Path: "/dev/null", Mode: unix.S_IFCHR | 0o666, Rdev: 0x103, Content: none},
		{Path: "/tmp/fifo", Mode: unix.S_IFIFO | 0o600, Content: none},
	}
	w.Contents = []world.Content{{Size: 5}}
	for i := range w.Tasks[:2] {
		w.Tasks[i].Cwd = 2
	}
	local := append([]byte{unix.AF_UNIX, 0}, "/tmp/socket\x00"...)
	w.Open = []world.OpenFile{
		{Kind: world.KindFile, Flags: unix.O_RDWR, File: 1, Locks: []world.Lock{{Type: "FLOCK", Write: true}}},
		{Kind: world.KindFile, File: 3}, {Kind: world.KindDir, File: 2}, {Kind: world.KindDevice, File: 4},
		{Kind: world.KindPipe, File: 5, Pipe: &world.Pipe{Content: none}},
		{Kind: world.KindSocket, File: none, Socket: &world.Socket{
			Family: unix.AF_UNIX, Type: unix.SOCK_STREAM, Local: local, Listening: true, File: &world.SocketFile{Mode: 0o755},
			Creator: &world.Creator{Task: 1}, Queue: []world.Message{{Content: none, From: local}},
		}},
		{Kind: world.KindInotify, File: none, Inotify: []world.Inotify{{WD: 1, File: 2}}},
		{Kind: world.KindPIDFD, File: none, PIDFD: &world.PIDFD{Task: 1}},
		{Kind: world.KindEpoll, File: none, Epoll: &world.Epoll{Watches: []world.Watch{{FD: 3, Open: 4}}}},
		{Kind: world.KindLost, File: none, Lost: &world.Lost{Kind: world.LostPipe, What: "a pipe"}},
	}
	for i := range w.Open {
		w.Tables[0].FDs = append(w.Tables[0].FDs, world.FD{FD: i, Open: i})
	}
	return w
}

// listed gives an image to a plan as it comes, in pieces.
func listed(t testing.TB, header []byte, size int64, piece int) ([]kernel.Action, error) {
	t.Helper()
	p := NewPlan(size)
	for off := 0; off < len(header); off += piece {
		if _, err := p.WriteAt(header[off:min(len(header), off+piece)], int64(off)); err != nil {
			return nil, err
		}
	}
	return p.Actions()
}

// Every open file, process and mapping is on the list, in whatever pieces the image comes.
func TestPlan(t *testing.T) {
	w := busy()
	header, size, err := world.Encode(w)
	if err != nil {
		t.Fatal(err)
	}
	var before string
	for _, piece := range []int{len(header), 4096, 1000} {
		all, err := listed(t, header, size, piece)
		if err != nil {
			t.Fatal(err)
		}
		var text string
		for _, a := range all {
			text += a.String() + "\n"
		}
		if before != "" && text != before {
			t.Errorf("in pieces of %d bytes, it is another list", piece)
		}
		before = text
	}
	for _, want := range []string{
		`would execute "/bin/busy": held before its first instruction (process 101)`,
		`would enter "/tmp": as its working directory (process 100)`,
		`would map "/bin/busy": private, reading, executing, 8192 bytes (process 100)`,
		`would map "/tmp/file": shared, reading, writing, 4096 bytes (process 101)`,
		`would lock "memory": 4096 bytes, mlockall flags 0x0 (process 100)`,
		`would make "process that has ended": status 0x0, child of 100 (process 102)`,
		`would make "/tmp": a file without a name in that directory, 5 bytes, user 0, group 0, mode 0600`,
		`would open "/tmp/file": reading, writing (process 100, fd 0)`,
		`would lock "/tmp/file": FLOCK, writing (process 100, fd 0)`,
		`would open "/dev/null": reading, character device 1:3 (process 100, fd 3)`,
		`would open "/tmp/fifo": reading (process 100, fd 4)`,
		`would bind "/tmp/socket": unix, stream, a file of user 0, group 0, mode 0755, in the place of one that no socket listens at (process 100, fd 5)`,
		`would listen "/tmp/socket": unix, stream (process 100, fd 5)`,
		`would watch "/tmp": events 0x0 (process 100, fd 6)`,
	} {
		if !strings.Contains(before, want+"\n") {
			t.Errorf("it does not say: %s\n%s", want, before)
		}
	}
}

// FuzzPlan changes what an image says of its processes. It is damaged then, or what it
// would do is said in lines that do nothing to a terminal.
func FuzzPlan(f *testing.F) {
	header, size, err := world.Encode(busy())
	if err != nil {
		f.Fatal(err)
	}
	begin, end := bytes.IndexByte(header, '{'), bytes.LastIndexByte(header, '}')
	for i := begin; i < end; i += 7 {
		f.Add(uint32(i-begin), []byte("-1"), uint32(0), []byte(nil))
		f.Add(uint32(i-begin), []byte("9"), uint32(i-begin+40), []byte(`\u001b`))
	}
	if i := bytes.Index(header, []byte(`"FLOCK"`)); i > 0 {
		f.Add(uint32(i-begin+1), []byte("\u2028"), uint32(0), []byte(nil))
	} else {
		f.Fatal("there is no lock in the image")
	}
	f.Fuzz(func(t *testing.T, at uint32, text []byte, other uint32, more []byte) {
		b := bytes.Clone(header)
		copy(b[begin+int(at)%(end-begin):end], text)
		copy(b[begin+int(other)%(end-begin):end], more)
		all, err := listed(t, b, size, 1<<20)
		if err != nil {
			return
		}
		for _, a := range all {
			if line := a.String(); strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%q", line)
			}
		}
	})
}
