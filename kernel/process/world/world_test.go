// Images of processes, encoded and decoded, and damaged in between.

package world

import (
	"bytes"
	"debug/elf"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// sample has something of everything whose encoding could go wrong.
func sample() *World {
	xstate := make([]byte, 832)
	xstate[xcr0Offset] = 7
	main := Task{
		PID: 100, PGID: 90, SID: 80, ExitSignal: 17, Comm: "a\xffb", Cmdline: []Text{"prog", "--x=<&>", "\xfe"}, Exe: 0, Cwd: 0, Root: "/\xc0",
		Pending: []Siginfo{{10, 0, 0, 0, 0, 0, 0, 0, 0xff}}, SigActions: []SigAction{{Signal: 64, Handler: 1<<63 | 1}},
		Rlimits: [16]Rlimit{{Cur: 1<<64 - 1, Max: 1<<53 + 1}},
		Threads: []Thread{
			{TID: 100, Comm: "main", Regs: unix.PtraceRegs{Rax: 1<<64 - 514, Gs: 7}, XState: xstate},
			{TID: 103, Comm: "worker", SigMask: 1 << 63, XState: xstate, Sched: Sched{Affinity: []int{0, 1}}},
		},
	}
	child := Task{PID: 104, PPID: 100, PGID: 104, SID: 104, ExitSignal: 10, Space: 1, Table: 1, Comm: "child", Threads: []Thread{{TID: 104, XState: xstate}}}
	dead := Task{PID: 105, PPID: 104, PGID: 102, SID: 104, Status: 0x700, Space: NoIndex, Table: NoIndex}
	return &World{
		Host:  Host{Arch: "x86_64", Release: "6.18.0", VDSO: "00ff", XFeatures: 7},
		Tasks: []Task{main, child, dead},
		Spaces: []Space{{
			VMAs: []VMA{
				{Start: 0x400000, End: 0x402000, Prot: 5, File: 0, Private: []Run{{0x401000, 0x402000}}, ImageSize: 0x2000},
				{Start: 0x500000, End: 0x600000, Prot: 0, File: NoIndex},
				{Start: 0x600000, End: 0x604000, Prot: 3, Shared: true, File: 1, Offset: 0x1000},
				{Start: 0x700000, End: 0x701000, Prot: 1, Shared: true, File: 1, Offset: 0x9000},
				{Start: 0x7fffffffe000, End: 0x7ffffffff000, Prot: 3, File: NoIndex, Name: "[stack]", ImageSize: 0x1000},
			},
			Auxv: make([]byte, 32),
		}, {
			VMAs: []VMA{
				{Start: 0x400000, End: 0x402000, Prot: 5, File: 0, ImageSize: 0x1000},
				{Start: 0x800000, End: 0x804000, Prot: 3, Shared: true, File: 1},
			},
			Auxv: make([]byte, 16),
		}},
		Tables: []Table{
			{FDs: []FD{{FD: 3, Open: 1}, {FD: 4, Open: 0}, {FD: 7, Open: 2}}},
			{FDs: []FD{{FD: 0, Open: 1}}},
		},
		Files: []File{
			{Path: "/bin/prog", Ino: 7, BuildID: "abcd", Content: NoIndex},
			{Path: "mem", Memfd: true, Size: 0x3800, Content: 0},
		},
		Open: []OpenFile{
			{Kind: KindFile, File: 1, Pos: 17},
			{Kind: KindPipe, File: NoIndex, Pipe: &Pipe{Ino: 9, Content: 1}},
			{Kind: KindSocket, File: NoIndex, Socket: &Socket{Family: 1, Local: Bytes{1, 0, 0, 'x'}, Queue: []Message{{Content: 1}}}},
			{Kind: KindEpoll, File: NoIndex, Epoll: &Epoll{Watches: []Watch{{FD: 3, Open: 1, Data: 1<<64 - 1}}}},
		},
		Contents: []Content{{Size: 0x3800}, {Size: 5}},
	}
}

func TestRoundTrip(t *testing.T) {
	img := sample()
	header, size, err := Encode(img)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := HeaderSize(header[:PrefixSize]); err != nil || n != int64(len(header)) {
		t.Fatalf("HeaderSize = %d, %v; the header has %d bytes", n, err, len(header))
	}
	back, err := Decode(header, size)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(img, back) {
		t.Errorf("sent %+v\n got %+v", img, back)
	}
}

// A mapping of shared memory shows the bytes of its object, also those beyond
// the end of it that share its last page; beyond that there is nothing.
func TestSharedMemoryIsStoredOnce(t *testing.T) {
	img := sample()
	_, size, err := Encode(img)
	if err != nil {
		t.Fatal(err)
	}
	shared, beyond := &img.Spaces[0].VMAs[2], &img.Spaces[0].VMAs[3]
	if want := img.Contents[0].Offset + 0x1000; shared.ImageOffset != want || shared.ImageSize != 0x3000 {
		t.Errorf("shared memory at %#x+%#x, want %#x+0x3000", shared.ImageOffset, shared.ImageSize, want)
	}
	if beyond.ImageSize != 0 {
		t.Errorf("a mapping beyond the end has %#x bytes", beyond.ImageSize)
	}
	if want := img.Contents[1].Offset + Page; size != want {
		t.Errorf("the image ends at %#x, want %#x", size, want)
	}
}

// Each process is a core file of its own, from its header on.
func TestOtherReadersOpenIt(t *testing.T) {
	img := sample()
	header, size, err := Encode(img)
	if err != nil {
		t.Fatal(err)
	}
	file := append(bytes.Clone(header), make([]byte, size-int64(len(header)))...)
	for i := range 2 {
		start := img.Tasks[i].Core
		if start%Page != 0 || (start == 0) != (i == 0) {
			t.Fatalf("the core of process %d is at %d", i, start)
		}
		f, err := elf.NewFile(bytes.NewReader(file[start:]))
		if err != nil {
			t.Fatal(err)
		}
		var loads []elf.ProgHeader
		for _, p := range f.Progs {
			if p.Type == elf.PT_LOAD {
				loads = append(loads, p.ProgHeader)
			}
		}
		vmas := img.Spaces[i].VMAs
		if f.Type != elf.ET_CORE || f.Machine != elf.EM_X86_64 || len(loads) != len(vmas) {
			t.Fatalf("process %d: type %v, machine %v, %d mappings", i, f.Type, f.Machine, len(loads))
		}
		for j, v := range vmas {
			// libbfd takes what is at the offset of a PT_LOAD, even of an empty
			// one, for a program: the core itself would be its own.
			p := loads[j]
			if int64(p.Off)+start < int64(len(header)) {
				t.Errorf("process %d: mapping %d begins within the headers", i, j)
			}
			if p.Vaddr != uint64(v.Start) || int64(p.Off)+start != v.ImageOffset {
				t.Errorf("process %d: mapping %d is %+v", i, j, p)
			}
		}
	}
}

// More mappings than e_phnum can count are counted in a section header.
func TestManyMappings(t *testing.T) {
	img := sample()
	img.Spaces[0].VMAs = nil
	for i := range Hex(70000) {
		img.Spaces[0].VMAs = append(img.Spaces[0].VMAs, VMA{Start: 0x10000 + i*2*Page, End: 0x10000 + (i*2+1)*Page, File: NoIndex, ImageSize: Page})
	}
	header, size, err := Encode(img)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(header, size)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(img.Spaces[0].VMAs, back.Spaces[0].VMAs) {
		t.Error("the mappings came back changed")
	}
}

func TestHostile(t *testing.T) {
	for name, damage := range map[string]func(*World){
		"mappings overlap":         func(i *World) { i.Spaces[0].VMAs[1].Start = 0x401000 },
		"mapping in the kernel":    func(i *World) { i.Spaces[0].VMAs[4].End = 1 << 63 },
		"mapping of no page":       func(i *World) { i.Spaces[0].VMAs[1].End++ },
		"offset wraps":             func(i *World) { i.Spaces[0].VMAs[0].Offset = 1<<63 - Page },
		"run outside its mapping":  func(i *World) { i.Spaces[0].VMAs[0].Private[0].End += Page },
		"open file out of range":   func(i *World) { i.Tables[0].FDs[0].Open = 99 },
		"negative index":           func(i *World) { i.Open[0].File = -2 },
		"fd twice":                 func(i *World) { i.Tables[0].FDs[1].FD = 3 },
		"leader missing":           func(i *World) { i.Tasks[0].Threads = i.Tasks[0].Threads[1:] },
		"thread twice":             func(i *World) { i.Tasks[0].Threads[1].TID = 100 },
		"no xstate":                func(i *World) { i.Tasks[0].Threads[1].XState = nil },
		"signal 9":                 func(i *World) { i.Tasks[0].SigActions[0].Signal = 9 },
		"signal 65":                func(i *World) { i.Tasks[0].SigActions[0].Signal = 65 },
		"long auxv":                func(i *World) { i.Spaces[0].Auxv = make([]byte, 8192) },
		"descriptors, no memory":   func(i *World) { i.Tasks[2].Table = 0 },
		"child without threads":    func(i *World) { i.Tasks[1].Threads = nil },
		"child's open file":        func(i *World) { i.Tables[1].FDs[0].Open = 4 },
		"process ID twice":         func(i *World) { i.Tasks[2].PID = 104 },
		"process ID is a thread's": func(i *World) { i.Tasks[2].PID = 103 },
		"process ID 0":             func(i *World) { i.Tasks[2].PID = 0 },
		"parent is not there":      func(i *World) { i.Tasks[1].PPID = 1 },
		"parent of itself":         func(i *World) { i.Tasks[1].PPID = 104 },
		"parent comes later":       func(i *World) { i.Tasks[1], i.Tasks[2] = i.Tasks[2], i.Tasks[1] },
		"parent is dead":           func(i *World) { i.Tasks = append(i.Tasks, i.Tasks[2]); i.Tasks[3].PID, i.Tasks[3].PPID = 106, 105 },
		"status of none":           func(i *World) { i.Tasks[2].Status = 0x701 },
		"status that stops":        func(i *World) { i.Tasks[2].Status = 19 },
		"status by signal 65":      func(i *World) { i.Tasks[2].Status = 65 },
		"status with a core":       func(i *World) { i.Tasks[2].Status = 0x80 },
		"status of the living":     func(i *World) { i.Tasks[1].Status = 9 },
		"dead with a thread":       func(i *World) { i.Tasks[2].Threads = i.Tasks[1].Threads },
		"exit signal 65":           func(i *World) { i.Tasks[1].ExitSignal = 65 },
		"group is a thread":        func(i *World) { i.Tasks[1].PGID = 103 },
		"group of nobody":          func(i *World) { i.Tasks[1].PGID = 0 },
		"group in two sessions":    func(i *World) { i.Tasks[2].PGID = 90 },
		"leader in two sessions":   func(i *World) { i.Tasks[2].PGID = 100 },
		"leader in a session":      func(i *World) { i.Tasks[2].SID = 100 },
		"session leader's group":   func(i *World) { i.Tasks[1].PGID = 90 },
		"directory of the dead":    func(i *World) { i.Tasks[2].FS = 1 },
		"actions of the dead":      func(i *World) { i.Tasks[2].Actions = 1 },
		"actions, two memories":    func(i *World) { i.Tasks[0].Actions, i.Tasks[1].Actions = 1, 1 },
		"actions that differ": func(i *World) {
			i.Tasks[0].Actions, i.Tasks[1].Actions, i.Tasks[1].Space, i.Tasks[1].SigActions = 1, 1, 0, nil
		},
		"one directory, two paths": func(i *World) { i.Tasks[0].FS, i.Tasks[1].FS, i.Tasks[1].Cwd = 1, 1, 1 },
		"one umask, two of them":   func(i *World) { i.Tasks[0].FS, i.Tasks[1].FS, i.Tasks[1].Umask = 1, 1, 0o7 },
		"contents too large":       func(i *World) { i.Contents[1].Size = 1<<63 - 1 },
	} {
		img := sample()
		damage(img)
		header, size, err := Encode(img)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := Decode(header, size); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: Decode: %v", name, err)
		}
	}
}

func TestUnknownMemberIsRefused(t *testing.T) {
	header, size, err := Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	header = bytes.Replace(header, []byte(`"OOMScoreAdj"`), []byte(`"FutureState"`), 1)
	if _, err := Decode(header, size); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "FutureState") {
		t.Errorf("Decode: %v", err)
	}
}

func TestMemoryThatIsNotThere(t *testing.T) {
	header, size, err := Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	header = bytes.Replace(header, []byte(`"Space":-1`), []byte(`"Space":12`), 1)
	if _, err := Decode(header, size); !errors.Is(err, ErrDamaged) {
		t.Errorf("Decode: %v", err)
	}
}

func TestEveryTruncation(t *testing.T) {
	header, size, err := Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	for n := range header {
		if _, err := Decode(header[:n], size); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

// Flipped bits are caught by the stream's checksums; here they must only do no
// harm.
func TestDamageNeverPanics(t *testing.T) {
	header, size, err := Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	for range 20000 {
		b := bytes.Clone(header)
		for range 1 + rand.IntN(4) {
			b[rand.IntN(len(b))] = byte(rand.Uint32())
		}
		if img, err := Decode(b, size); err == nil {
			if _, _, err := Encode(img); err != nil {
				t.Fatalf("what Decode accepted Encode refuses: %v", err)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	header, size, err := Encode(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(header, size)
	f.Fuzz(func(t *testing.T, b []byte, size int64) {
		if len(b) < PrefixSize {
			return
		}
		_, err := Decode(b, size)
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
	})
}
