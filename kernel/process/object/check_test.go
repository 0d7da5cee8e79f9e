// What is open in an image that somebody else has written.

package object

import (
	"crypto/rand"
	"errors"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// whole is a World with something open of every kind that is checked by more than
// that its member is there.
func whole() *world.World {
	const none = world.NoIndex
	return &world.World{
		Files: []world.File{{Mode: unix.S_IFREG}, {Path: "/dev/ptmx", Mode: unix.S_IFCHR, Rdev: world.Hex(masterNumber)}, {Path: "/dev/null", Mode: unix.S_IFCHR, Rdev: 0x103}},
		Open: []world.OpenFile{
			{Kind: world.KindFile},
			{Kind: world.KindPipe, File: none, Pipe: &world.Pipe{Content: 0, Parts: []world.Part{{Size: 2}, {Size: 3, Packet: true}}}},
			{Kind: world.KindSocket, File: none, Socket: &world.Socket{
				Queue:  []world.Message{{Content: none}, {Content: 0}},
				Groups: []world.Membership{{Group: make([]byte, unix.SizeofSockaddrInet4)}},
			}},
			{Kind: world.KindEpoll, File: none, Epoll: &world.Epoll{Watches: []world.Watch{{FD: 3, Open: 4}}}},
			{Kind: world.KindInotify, File: none, Inotify: []world.Inotify{{WD: 1}}},
			{Kind: world.KindTerminal, File: 1, Terminal: &world.Terminal{}},
			{Kind: world.KindPty, File: 1, Pty: &world.Pty{
				Termios: linesOfTerminal(), Opened: true, Leader: none,
				Lines: []world.PtyLine{{Size: 3}, {Size: 0}, {Size: 2, Open: true}}, Input: 0, Output: none, Raw: none,
			}},
			{Kind: world.KindSlave, File: none, Slave: &world.Slave{Master: 6}},
			{Kind: world.KindSlave, File: none, Slave: &world.Slave{Master: none}},
			{Kind: world.KindDevice, File: 2},
		},
		Contents: []world.Content{{Size: 5}, {Size: 1 << 20}},
	}
}

// connected are the ends of a TCP connection.
func connected() *world.World {
	address := func(port byte) world.Bytes {
		return append(world.Bytes{unix.AF_INET, 0, 0, port, 127, 0, 0, 1}, make([]byte, 8)...)
	}
	end := func(ino uint64, local, remote byte) world.OpenFile {
		return world.OpenFile{Kind: world.KindSocket, File: world.NoIndex, Socket: &world.Socket{
			Family: unix.AF_INET, Type: unix.SOCK_STREAM, Protocol: unix.IPPROTO_TCP,
			Ino: ino, Peer: 3 - ino, Local: address(local), Remote: address(remote),
			TCP: &world.TCP{MSS: 1460, Received: 0, Sent: world.NoIndex},
		}}
	}
	return &world.World{Open: []world.OpenFile{end(1, 80, 90), end(2, 90, 80)}, Contents: []world.Content{{Size: 5}}}
}

func TestCheckConnections(t *testing.T) {
	if err := Check(connected()); err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(a, b *world.Socket){
		"of another family":       func(a, _ *world.Socket) { a.Family = unix.AF_UNIX },
		"of another protocol":     func(a, _ *world.Socket) { a.Protocol = unix.IPPROTO_UDP },
		"that listens":            func(a, _ *world.Socket) { a.Listening = true },
		"with messages":           func(a, _ *world.Socket) { a.Queue = []world.Message{{Content: 0}} },
		"of tiny segments":        func(a, _ *world.Socket) { a.TCP.MSS = -1 },
		"closed in other ways":    func(a, _ *world.Socket) { a.Shutdown = 4 },
		"content out of range":    func(a, _ *world.Socket) { a.TCP.Sent = 1 },
		"address cut off":         func(a, _ *world.Socket) { a.Local = a.Local[:7] },
		"without a port":          func(a, b *world.Socket) { a.Local[3], b.Remote[3] = 0, 0 },
		"to nobody":               func(a, _ *world.Socket) { a.Peer = 7 },
		"to itself":               func(a, b *world.Socket) { a.Peer, a.Remote = a.Ino, a.Local },
		"to one that has another": func(_, b *world.Socket) { b.Peer = b.Ino },
		"at another address":      func(_, b *world.Socket) { b.Local[7] = 9 },
		"to one that is none":     func(_, b *world.Socket) { b.TCP = nil },
		"of one inode":            func(_, b *world.Socket) { b.Ino = 1 },
	} {
		w := connected()
		damage(w.Open[0].Socket, w.Open[1].Socket)
		if err := Check(w); !errors.Is(err, world.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A resume removes tables of snapshots only.
func TestCheckDam(t *testing.T) {
	for name, good := range map[string]bool{
		"": true, "snappipe-" + rand.Text(): true, "filter": false, "snappipe-": false, "snappipe-x\x00filter": false,
	} {
		if err := Check(&world.World{Dam: name}); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// A far end goes by what is possible, and has nobody here.
func TestCheckFar(t *testing.T) {
	far := func() *world.World {
		w := connected()
		w.Open = w.Open[:1]
		s := w.Open[0].Socket
		s.Peer, s.TCP.Sent = 0, 0
		s.TCP.Far = &world.FarEnd{Unsent: 5, Options: 7, SendScale: 14, Window: make([]byte, sys.TCPWindowSize)}
		return w
	}
	if err := Check(far()); err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(s *world.Socket, f *world.FarEnd){
		"with a peer":          func(s *world.Socket, _ *world.FarEnd) { s.Peer = 2 },
		"more than it holds":   func(_ *world.Socket, f *world.FarEnd) { f.Unsent = 6 },
		"less than nothing":    func(_ *world.Socket, f *world.FarEnd) { f.Unsent = -1 },
		"unknown options":      func(_ *world.Socket, f *world.FarEnd) { f.Options = 8 },
		"a scale out of range": func(_ *world.Socket, f *world.FarEnd) { f.ReceiveScale = 15 },
		"a window cut off":     func(_ *world.Socket, f *world.FarEnd) { f.Window = f.Window[1:] },
	} {
		w := far()
		s := w.Open[0].Socket
		damage(s, s.TCP.Far)
		if err := Check(w); !errors.Is(err, world.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Descriptors come with messages of unix sockets, and lead to what is there.
func TestCheckRights(t *testing.T) {
	carrying := func() *world.World {
		w := whole()
		w.Open[2].Socket.Family = unix.AF_UNIX
		w.Open[2].Socket.Queue = []world.Message{{Content: 0, Stream: true, Rights: []int{2, 0, 0}}}
		return w
	}
	if err := Check(carrying()); err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(s *world.Socket, m *world.Message){
		"of another family":    func(s *world.Socket, _ *world.Message) { s.Family = unix.AF_INET },
		"with nothing":         func(_ *world.Socket, m *world.Message) { m.Content = world.NoIndex },
		"to what is not there": func(_ *world.Socket, m *world.Message) { m.Rights[1] = 99 },
		"to less than nothing": func(_ *world.Socket, m *world.Message) { m.Rights[1] = -1 },
		"to an epoll set":      func(_ *world.Socket, m *world.Message) { m.Rights[1] = 3 },
		"too many":             func(_ *world.Socket, m *world.Message) { m.Rights = make([]int, 254) },
	} {
		w := carrying()
		s := w.Open[2].Socket
		damage(s, &s.Queue[0])
		if err := Check(w); !errors.Is(err, world.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A connection that waits is to who listens at its address, and holds nothing.
func TestCheckUnaccepted(t *testing.T) {
	waiting := func() *world.World {
		w := connected()
		w.Open[1].Socket.Listening, w.Open[1].Socket.TCP, w.Open[1].Socket.Remote = true, nil, nil
		w.Open[0].Socket.TCP.Received = world.NoIndex
		return w
	}
	if err := Check(waiting()); err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(client, listener *world.Socket){
		"with content":       func(c, _ *world.Socket) { c.TCP.Received = 0 },
		"at another address": func(_, l *world.Socket) { l.Local[3]++ },
		"of MPTCP":           func(_, l *world.Socket) { l.Protocol = unix.IPPROTO_MPTCP },
		"at nobody":          func(_, l *world.Socket) { l.Listening = false },
	} {
		w := waiting()
		damage(w.Open[0].Socket, w.Open[1].Socket)
		if err := Check(w); !errors.Is(err, world.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Who waits at a unix socket is a socket of its kind, connected to nobody else, and once.
func TestCheckWaiting(t *testing.T) {
	waiting := func() *world.World {
		end := world.Socket{Family: unix.AF_UNIX, Type: unix.SOCK_STREAM}
		listener, one, two := end, end, end
		listener.Ino, one.Ino, two.Ino = 1, 2, 3
		listener.Listening, listener.Backlog, listener.Local, listener.Waiting = true, 1, pathAddress("/socket"), []uint64{3, 2}
		w := &world.World{}
		for _, s := range []*world.Socket{&listener, &one, &two} {
			w.Open = append(w.Open, world.OpenFile{Kind: world.KindSocket, File: world.NoIndex, Socket: s})
		}
		return w
	}
	if err := Check(waiting()); err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(listener, one *world.Socket){
		"nobody":             func(l, _ *world.Socket) { l.Waiting[0] = 4 },
		"one twice":          func(l, _ *world.Socket) { l.Waiting[0] = 2 },
		"itself":             func(l, _ *world.Socket) { l.Waiting[0] = 1 },
		"too many":           func(l, _ *world.Socket) { l.Backlog = 0 },
		"at who is silent":   func(l, _ *world.Socket) { l.Listening = false },
		"without a name":     func(l, _ *world.Socket) { l.Local = nil },
		"at another kind":    func(l, _ *world.Socket) { l.Family = unix.AF_INET },
		"of another type":    func(_, o *world.Socket) { o.Type = unix.SOCK_SEQPACKET },
		"connected":          func(_, o *world.Socket) { o.Peer = 3 },
		"with a closed end":  func(_, o *world.Socket) { o.Orphan = true },
		"with something":     func(_, o *world.Socket) { o.Queue = []world.Message{{Content: world.NoIndex}} },
		"of another network": func(_, o *world.Socket) { o.Family = unix.AF_INET },
	} {
		w := waiting()
		damage(w.Open[0].Socket, w.Open[1].Socket)
		if err := Check(w); !errors.Is(err, world.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// linesOfTerminal are modes in which a terminal gives lines.
func linesOfTerminal() []byte {
	var t sys.Termios
	t.SetLocal(unix.ICANON)
	return t[:]
}

func TestCheck(t *testing.T) {
	if err := Check(whole()); err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(open []world.OpenFile){
		"kind unknown":               func(o []world.OpenFile) { o[0].Kind = "quantum" },
		"file without one":           func(o []world.OpenFile) { o[0].File = world.NoIndex },
		"file that is outside":       func(o []world.OpenFile) { o[0].Outside = true },
		"file that is a device":      func(o []world.OpenFile) { o[0].File = 1 },
		"directory that is none":     func(o []world.OpenFile) { o[0].Kind = world.KindDir },
		"device that does something": func(o []world.OpenFile) { o[9].File = 1 },
		"device that is a file":      func(o []world.OpenFile) { o[9].File = 0 },
		"terminal that is a file":    func(o []world.OpenFile) { o[5].File = 0 },
		"pipe that is a file":        func(o []world.OpenFile) { o[1].File = 0 },
		"terminal without file":      func(o []world.OpenFile) { o[5].File = world.NoIndex },
		"content out of range":       func(o []world.OpenFile) { o[1].Pipe.Content = 2 },
		"parts too large":            func(o []world.OpenFile) { o[1].Pipe.Parts[0].Size = 6 },
		"parts too small":            func(o []world.OpenFile) { o[1].Pipe.Parts[0].Size = 1 },
		"part of nothing":            func(o []world.OpenFile) { o[1].Pipe.Parts[0].Size = -2 },
		"parts of nothing":           func(o []world.OpenFile) { o[1].Pipe.Content = world.NoIndex },
		"queue out of range":         func(o []world.OpenFile) { o[2].Socket.Queue[1].Content = 2 },
		"address cut off":            func(o []world.OpenFile) { o[2].Socket.Groups[0].Group = []byte{2} },
		"source of another": func(o []world.OpenFile) {
			o[2].Socket.Groups[0].Sources = []world.Bytes{make([]byte, unix.SizeofSockaddrInet6)}
		},
		"watch out of range":      func(o []world.OpenFile) { o[3].Epoll.Watches[0].Open = 10 },
		"watch of nothing":        func(o []world.OpenFile) { o[3].Epoll.Watches[0].Open = world.NoIndex },
		"watch by no descriptor":  func(o []world.OpenFile) { o[3].Epoll.Watches[0].FD = -1 },
		"inotify of no file":      func(o []world.OpenFile) { o[4].Inotify[0].File = world.NoIndex },
		"inotify of another file": func(o []world.OpenFile) { o[4].Inotify[0].File = 3 },

		"master without file":         func(o []world.OpenFile) { o[6].File = world.NoIndex },
		"master at another path":      func(o []world.OpenFile) { o[9].File = 0 },
		"terminal's number too high":  func(o []world.OpenFile) { o[6].Pty.Index = 1 << 30 },
		"terminal's number negative":  func(o []world.OpenFile) { o[6].Pty.Index = -1 },
		"modes cut off":               func(o []world.OpenFile) { o[6].Pty.Termios = o[6].Pty.Termios[:43] },
		"terminal that is set-UID":    func(o []world.OpenFile) { o[6].Pty.Mode = 0o100000 },
		"stopped by nothing":          func(o []world.OpenFile) { o[6].Pty.Stopped = "x" },
		"lines too short":             func(o []world.OpenFile) { o[6].Pty.Lines[0].Size-- },
		"lines of nothing":            func(o []world.OpenFile) { o[6].Pty.Input = world.NoIndex },
		"line that is open, not last": func(o []world.OpenFile) { o[6].Pty.Lines[0].Open = true },
		"line too long":               func(o []world.OpenFile) { o[6].Pty.Lines[0].Size = 4097 },
		"line of a negative size":     func(o []world.OpenFile) { o[6].Pty.Lines[1].Size, o[6].Pty.Lines[0].Size = -1, 4 },
		"too many ends of file": func(o []world.OpenFile) {
			o[6].Pty.Lines, o[6].Pty.Input = make([]world.PtyLine, 4096), world.NoIndex
		},
		"lines, in a mode without": func(o []world.OpenFile) { o[6].Pty.Termios = make([]byte, sys.TermiosSize) },
		"output too large":         func(o []world.OpenFile) { o[6].Pty.Output = 1 },
		"leader that is no task":   func(o []world.OpenFile) { o[6].Pty.Leader = 1 },
		"slave of no master":       func(o []world.OpenFile) { o[7].Slave.Master = 5 },
		"slave out of range":       func(o []world.OpenFile) { o[7].Slave.Master = 9 },
		"slave that nobody opened": func(o []world.OpenFile) { o[6].Pty.Opened = false },
	} {
		w := whole()
		damage(w.Open)
		if err := Check(w); !errors.Is(err, world.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// System V shared memory is there once, with all that it holds, mapped within that.
func TestCheckSegments(t *testing.T) {
	segment := func() *world.World {
		return &world.World{
			Files:    []world.File{{Mode: unix.S_IFREG, Size: 5000, Segment: &world.Segment{IPC: world.IPC{ID: 3, Mode: 0o600}}}},
			Contents: []world.Content{{Size: 8192}},
			Spaces:   []world.Space{{VMAs: []world.VMA{{Start: 4096, End: 8192, Offset: 4096, Shared: true}}}},
		}
	}
	if err := Check(segment()); err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(w *world.World){
		"an ID that none has": func(w *world.World) { w.Files[0].Segment.ID = -1 },
		"a key out of range":  func(w *world.World) { w.Files[0].Segment.Key = 1 << 32 },
		"flags in the mode":   func(w *world.World) { w.Files[0].Segment.Mode = 0o1600 },
		"no size":             func(w *world.World) { w.Files[0].Size = 0 },
		"less than all":       func(w *world.World) { w.Contents[0].Size = 5000 },
		"no content":          func(w *world.World) { w.Files[0].Content = world.NoIndex },
		"one ID twice":        func(w *world.World) { w.Files = append(w.Files, w.Files[0]) },
		"mapped beyond":       func(w *world.World) { w.Spaces[0].VMAs[0].Offset = 8192 },
		"mapped privately":    func(w *world.World) { w.Spaces[0].VMAs[0].Shared = false },
		"open":                func(w *world.World) { w.Open = []world.OpenFile{{Kind: world.KindFile}} },
	} {
		w := segment()
		damage(w)
		if err := Check(w); !errors.Is(err, world.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Semaphores are some, of values that they can have.
func TestCheckSemaphores(t *testing.T) {
	set := func() world.Semaphores {
		return world.Semaphores{IPC: world.IPC{ID: 3, Mode: 0o600}, Values: []uint16{1, highestSemaphore}}
	}
	for name, damage := range map[string]func(w *world.World){
		"":                    func(*world.World) {},
		"an ID that none has": func(w *world.World) { w.Semaphores[0].ID = 1 << 31 },
		"one ID twice":        func(w *world.World) { w.Semaphores = append(w.Semaphores, set()) },
		"none":                func(w *world.World) { w.Semaphores[0].Values = nil },
		"a value too high":    func(w *world.World) { w.Semaphores[0].Values[0] = highestSemaphore + 1 },
	} {
		w := &world.World{Semaphores: []world.Semaphores{set()}}
		damage(w)
		if err := Check(w); errors.Is(err, world.ErrDamaged) != (name != "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A kind says of one that lacks its member that it is damaged.
func TestMemberOfKind(t *testing.T) {
	for _, k := range kinds {
		if k == inotifies {
			continue // a set may have no watches
		}
		w := &world.World{Open: []world.OpenFile{{Kind: k.name, File: world.NoIndex}}}
		if err := Check(w); !errors.Is(err, world.ErrDamaged) {
			t.Errorf("%s: %v", k.name, err)
		}
	}
}

// Every kind says what the making of one does.
func TestPlanOfKind(t *testing.T) {
	w := whole()
	for i := range w.Files {
		w.Files[i].Content = world.NoIndex
	}
	w.Open = append(w.Open,
		world.OpenFile{Kind: world.KindPIDFD, File: world.NoIndex, PIDFD: &world.PIDFD{}},
		world.OpenFile{Kind: world.KindLost, File: world.NoIndex, Lost: &world.Lost{Kind: "\x1b"}})
	w.Tasks = []world.Task{{PID: 1, Space: world.NoIndex}}
	for _, k := range kinds {
		if k.plan == nil {
			t.Errorf("%s has none", k.name)
			continue
		}
		one := *w
		one.Open = slices.DeleteFunc(slices.Clone(w.Open), func(o world.OpenFile) bool { return o.Kind != k.name })
		if len(one.Open) == 0 {
			one.Open = []world.OpenFile{{Kind: k.name}}
		}
		if said := Plan(&one); len(said) == 0 {
			t.Errorf("%s says nothing", k.name)
		}
	}
}
