// Files of /proc, as the kernel writes them.

package proc

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestParseMap(t *testing.T) {
	for line, want := range map[string]Map{
		"00400000-0040b000 r-xp 00001000 fe:01 1234                       /usr/bin/a b": {
			Start: 0x400000, End: 0x40b000, Prot: 5, Offset: 0x1000, Dev: unix.Mkdev(0xfe, 1), Ino: 1234, Path: "/usr/bin/a b"},
		"7f0000000000-7f0000001000 rw-s 00000000 00:01 77                 /memfd:x (deleted)": {
			Start: 0x7f0000000000, End: 0x7f0000001000, Prot: 3, Shared: true, Dev: unix.Mkdev(0, 1), Ino: 77, Path: "/memfd:x", Deleted: true},
		"7f0000004000-7f0000005000 rw-s 00000000 00:01 78                 [anon_shmem:mine]": {
			Start: 0x7f0000004000, End: 0x7f0000005000, Prot: 3, Shared: true, Dev: unix.Mkdev(0, 1), Ino: 78, Path: "/dev/zero", Deleted: true, Name: "[anon_shmem:mine]"},
		"7f0000002000-7f0000003000 ---p 00000000 00:00 0 ": {Start: 0x7f0000002000, End: 0x7f0000003000},
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]": {
			Start: 0xffffffffff600000, End: 0xffffffffff601000, Prot: 4, Path: "[vsyscall]"},
	} {
		got, err := parseMap(line)
		if err != nil || got != want {
			t.Errorf("%q:\n%+v, %v, want\n%+v", line, got, err, want)
		}
	}
	for _, line := range []string{"", "x", "1-2", "1-2 rwxp", "1-2 rw 0 0:0 0", "g-h rwxp 0 0:0 0 "} {
		if m, err := parseMap(line); err == nil {
			t.Errorf("%q is taken for %+v", line, m)
		}
	}
}

// What has no letters is of no use but for a lock, where it can be one thing only.
func TestFlagsWithoutLetters(t *testing.T) {
	for line, want := range map[string]string{
		"VmFlags: rd wr mr mw me lo ?? ac ": "rd wr mr mw me lo lf ac",
		"VmFlags: rd wr mr mw me ?? ac ":    "rd wr mr mw me ?? ac",
	} {
		var m Map
		if m.field(line); m.VMFlags != want {
			t.Errorf("%q are the flags %q, want %q", line, m.VMFlags, want)
		}
	}
}

// smaps has the same mappings as maps, each with flags.
func TestSmaps(t *testing.T) {
	page := mmap(t, 1)
	if err := unix.Madvise(page, unix.MADV_DONTFORK); err != nil {
		t.Fatal(err)
	}
	maps, err := Smaps(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for i := range maps {
		m := &maps[i]
		if len(m.VMFlags) < 2 {
			t.Errorf("%x-%x %s has no flags", m.Start, m.End, m.Path)
		}
		if at := address(page); m.Start <= at && at < m.End {
			found = true
			if !m.Has("dc") || !m.Has("rd") || m.Has("dd") {
				t.Errorf("its flags are %s", m.VMFlags)
			}
		}
	}
	if !found {
		t.Error("a mapping is missing")
	}
}

// Both ways of asking which pages there are give the same answer.
func TestPagemap(t *testing.T) {
	const pages = 3000
	mem := mmap(t, pages)
	if err := unix.Madvise(mem, unix.MADV_NOHUGEPAGE); err != nil {
		t.Fatal(err)
	}
	var want []Run
	start := address(mem)
	for i := 0; i < pages; i += 1 + i%7 {
		mem[i*4096] = 1
		want = join(want, Run{start + uint64(i)*4096, start + uint64(i+1)*4096})
	}
	p, err := OpenPagemap(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, which := range []Pages{Present, Private} {
		scanned, err := p.Runs(start, start+pages*4096, which)
		if err != nil || !slices.Equal(scanned, want) {
			t.Errorf("PAGEMAP_SCAN finds %d runs, %v, want %d", len(scanned), err, len(want))
		}
		read, err := p.readRuns(start, start+pages*4096, which)
		if err != nil || !slices.Equal(read.Pages, want) {
			t.Errorf("pagemap has %d runs, %v, want %d", len(read.Pages), err, len(want))
		}
	}
	runtime.KeepAlive(mem)
}

// Guard pages are none, in the ways in which this kernel tells of them.
func TestGuards(t *testing.T) {
	mem := mmap(t, 16)
	clear(mem)
	if err := unix.Madvise(mem[5*4096:7*4096], unix.MADV_GUARD_INSTALL); err != nil {
		t.Skipf("this kernel has none: %v", err)
	}
	p, err := OpenPagemap(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	start := address(mem)
	want := []Run{{start + 5*4096, start + 7*4096}}
	s, err := p.Scan(start, start+16*4096, Present)
	if err != nil {
		t.Fatal(err)
	}
	if !p.guards {
		if len(s.Swapped) == 0 {
			t.Errorf("they are not among what is said to be swapped out")
		}
		t.Skip("PAGE_IS_GUARD is of Linux 6.16")
	}
	if !slices.Equal(s.Guards, want) || !slices.Equal(s.Pages, []Run{{start, want[0].Start}, {want[0].End, start + 16*4096}}) {
		t.Errorf("%x", s)
	}
	for range 2 { // by PAGEMAP_SCAN, and without
		if guards, err := p.Guards(start, start+16*4096); err != nil || !slices.Equal(guards, want) {
			t.Errorf("%x, %v, want %x", guards, err, want)
		}
		p.guards = false
	}
	if s, err = p.Scan(start, start+16*4096, Present); err != nil || !slices.Equal(s.Swapped, want) {
		t.Errorf("without PAGE_IS_GUARD, %x, %v", s, err)
	}
	runtime.KeepAlive(mem)
}

// The page of zeros that reading maps is no page of the process's.
func TestPagemapLeavesOutZeros(t *testing.T) {
	mem := mmap(t, 16)
	if err := unix.Madvise(mem, unix.MADV_NOHUGEPAGE); err != nil {
		t.Fatal(err)
	}
	sum := byte(0)
	for i := 0; i < len(mem); i += 4096 {
		sum += mem[i]
	}
	if resident(t, address(mem)) != 0 {
		t.Skip("this kernel has no page of zeros: reading untouched memory makes pages of the process's own")
	}
	mem[5*4096] = sum + 1
	p, err := OpenPagemap(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	start := address(mem)
	runs, err := p.Runs(start, start+16*4096, Present)
	if err != nil {
		t.Fatal(err)
	}
	if !p.scan {
		t.Skip("PAGEMAP_SCAN is of Linux 6.7; before it, the page of zeros can't be told from others")
	}
	if want := []Run{{start + 5*4096, start + 6*4096}}; !slices.Equal(runs, want) {
		t.Errorf("%x, want %x", runs, want)
	}
}

func TestFDInfo(t *testing.T) {
	info := parseFDInfo(`pos:	42
flags:	02100001
mnt_id:	27
ino:	3057
eventfd-id: 17
eventfd-count:               4d
eventfd-semaphore: 1
sigmask:	0000000000000204
clockid: 1
ticks: 3
settime flags: 01
it_value: (49406829, 5)
it_interval: (1, 0)
tfd:        5 events:       1d data: ffffffffffffffff  pos:0 ino:61af sdev:7
inotify wd:3 ino:9e7e sdev:800013 mask:800afce ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:7e9e0000640d1b6d
lock:	1: FLOCK  ADVISORY  WRITE 359 00:13:11691 0 EOF
lock:	2: POSIX  ADVISORY  READ 359 00:13:11691 5 9
Pid:	12
`)
	want := FDInfo{
		Pos: 42, Flags: 0o2100001, Mount: 27, Ino: 3057, EventID: 17, EventCount: 77, EventSemaphore: true, EventComplete: true, SigMask: 0x204,
		TimerClock: 1, TimerTicks: 3, TimerFlags: 1, TimerValue: 49406829e9 + 5, TimerInterval: 1e9,
		Watches: []EpollWatch{{FD: 5, Events: 0x1d, Data: 1<<64 - 1, Ino: 0x61af, Dev: 7}},
		Inotify: []InotifyWatch{{WD: 3, Ino: 0x9e7e, Dev: 0x800013, Mask: 0x800afce, HandleType: 1, Handle: "7e9e0000640d1b6d"}},
		Locks:   []Lock{{"FLOCK", true, 0, -1, false, 359}, {"POSIX", false, 5, 9, false, 359}},
		PID:     12,
	}
	if got, want := fmt.Sprintf("%+v", info), fmt.Sprintf("%+v", want); got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
}

// A name may look like the end of itself.
func TestStatWithParentheses(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const name = "a) R (b"
	b := append([]byte(name), 0)
	old, err := Comm(os.Getpid(), unix.Gettid())
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&b[0])), 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	defer func() {
		b := append([]byte(old), 0)
		unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&b[0])), 0, 0, 0)
	}()
	s, err := ReadStat(unix.Gettid())
	if err != nil || s.Comm != name || s.Field(4) != int64(os.Getppid()) {
		t.Errorf("%q, parent %d, %v", s.Comm, s.Field(4), err)
	}
}

func mmap(t *testing.T, pages int) []byte {
	t.Helper()
	mem, err := unix.Mmap(-1, 0, pages*4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(mem) })
	return mem
}

// resident is how much of the mapping of this process at addr is in memory,
// the page of zeros not counted.
func resident(t *testing.T, addr uint64) uint64 {
	t.Helper()
	maps, err := Smaps(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range maps {
		if m.Start <= addr && addr < m.End {
			return m.Rss
		}
	}
	t.Fatalf("nothing is mapped at %x", addr)
	return 0
}

func address(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(&b[0]))) }

// The file says the same as the call, number by number.
func TestLimits(t *testing.T) {
	all, err := Limits(os.Getpid())
	if err != nil || len(all) != 16 {
		t.Fatalf("%d limits, %v", len(all), err)
	}
	for i, l := range all {
		var want unix.Rlimit
		if err := unix.Prlimit(0, i, nil, &want); err != nil {
			t.Fatal(err)
		}
		if l != (Limit{want.Cur, want.Max}) {
			t.Errorf("limit %d: %+v, want %+v", i, l, want)
		}
	}
	for _, row := range []string{"", "Max cpu time", "Max cpu time              1", "Max cpu time              1  x  seconds"} {
		if l, err := parseLimit(row); err == nil {
			t.Errorf("%q is taken for %+v", row, l)
		}
	}
}
