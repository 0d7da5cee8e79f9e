// Images of processes, encoded and decoded, and damaged in between.

package image

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
func sample() *Image {
	xstate := make([]byte, 832)
	xstate[xcr0Offset] = 7
	return &Image{
		Host: Host{Arch: "x86_64", Release: "6.18.0", VDSO: "00ff", XFeatures: 7},
		Process: Process{
			PID: 100, Comm: "a\xffb", Cmdline: []Text{"prog", "--x=<&>", "\xfe"}, Exe: 0, Cwd: 0, Root: "/\xc0",
			Pending: []Siginfo{{10, 0, 0, 0, 0, 0, 0, 0, 0xff}}, SigActions: []SigAction{{Signal: 64, Handler: 1<<63 | 1}},
			Rlimits: [16]Rlimit{{Cur: 1<<64 - 1, Max: 1<<53 + 1}},
		},
		Threads: []Thread{
			{TID: 100, Comm: "main", Regs: unix.PtraceRegs{Rax: 1<<64 - 514, Gs: 7}, XState: xstate},
			{TID: 103, Comm: "worker", SigMask: 1 << 63, XState: xstate, Sched: Sched{Affinity: []int{0, 1}}},
		},
		VMAs: []VMA{
			{Start: 0x400000, End: 0x402000, Prot: 5, File: 0, Private: []Run{{0x401000, 0x402000}}, ImageSize: 0x2000},
			{Start: 0x500000, End: 0x600000, Prot: 0, File: NoIndex},
			{Start: 0x600000, End: 0x604000, Prot: 3, Shared: true, File: 1, Offset: 0x1000},
			{Start: 0x700000, End: 0x701000, Prot: 1, Shared: true, File: 1, Offset: 0x9000},
			{Start: 0x7fffffffe000, End: 0x7ffffffff000, Prot: 3, File: NoIndex, Name: "[stack]", ImageSize: 0x1000},
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
		FDs:      []FD{{FD: 3, Open: 1}, {FD: 4, Open: 0}, {FD: 7, Open: 2}},
		Contents: []Content{{Size: 0x3800}, {Size: 5}},
		Auxv:     make([]byte, 32),
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
	shared, beyond := &img.VMAs[2], &img.VMAs[3]
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

func TestOtherReadersOpenIt(t *testing.T) {
	img := sample()
	header, size, err := Encode(img)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(append(header, make([]byte, size-int64(len(header)))...)))
	if err != nil {
		t.Fatal(err)
	}
	if f.Type != elf.ET_CORE || f.Machine != elf.EM_X86_64 || len(f.Progs) != 1+len(img.VMAs)+len(img.Contents) {
		t.Errorf("type %v, machine %v, %d program headers", f.Type, f.Machine, len(f.Progs))
	}
	for i, v := range img.VMAs {
		// libbfd takes what is at the offset of a PT_LOAD, even of an empty
		// one, for a program: the core itself would be its own.
		if f.Progs[1+i].Off < uint64(len(header)) {
			t.Errorf("mapping %d begins within the header", i)
		}
		if p := f.Progs[1+i]; p.Vaddr != uint64(v.Start) || p.Off != uint64(v.ImageOffset) {
			t.Errorf("mapping %d is %+v", i, p)
		}
	}
}

// More mappings than e_phnum can count are counted in a section header.
func TestManyMappings(t *testing.T) {
	img := sample()
	img.VMAs = nil
	for i := range Hex(70000) {
		img.VMAs = append(img.VMAs, VMA{Start: 0x10000 + i*2*Page, End: 0x10000 + (i*2+1)*Page, File: NoIndex, ImageSize: Page})
	}
	header, size, err := Encode(img)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(header, size)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(img.VMAs, back.VMAs) {
		t.Error("the mappings came back changed")
	}
}

func TestHostile(t *testing.T) {
	for name, damage := range map[string]func(*Image){
		"mappings overlap":        func(i *Image) { i.VMAs[1].Start = 0x401000 },
		"mapping in the kernel":   func(i *Image) { i.VMAs[4].End = 1 << 63 },
		"mapping of no page":      func(i *Image) { i.VMAs[1].End++ },
		"offset wraps":            func(i *Image) { i.VMAs[0].Offset = 1<<63 - Page },
		"run outside its mapping": func(i *Image) { i.VMAs[0].Private[0].End += Page },
		"open file out of range":  func(i *Image) { i.FDs[0].Open = 99 },
		"negative index":          func(i *Image) { i.Open[0].File = -2 },
		"fd twice":                func(i *Image) { i.FDs[1].FD = 3 },
		"kind without its member": func(i *Image) { i.Open[0].Kind = KindTimerFD },
		"kind unknown":            func(i *Image) { i.Open[0].Kind = "quantum" },
		"queue out of range":      func(i *Image) { i.Open[2].Socket.Queue[0].Content = 2 },
		"watch out of range":      func(i *Image) { i.Open[3].Epoll.Watches[0].Open = -1 },
		"leader missing":          func(i *Image) { i.Threads = i.Threads[1:] },
		"thread twice":            func(i *Image) { i.Threads[1].TID = 100 },
		"no xstate":               func(i *Image) { i.Threads[1].XState = nil },
		"signal 65":               func(i *Image) { i.Process.SigActions[0].Signal = 65 },
		"long auxv":               func(i *Image) { i.Auxv = make([]byte, 8192) },
		"contents too large":      func(i *Image) { i.Contents[1].Size = 1<<63 - 1 },
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
