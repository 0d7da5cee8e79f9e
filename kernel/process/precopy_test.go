// An image whose memory was copied beforehand is of one moment too.

package process

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"snappipe/kernel"
	"snappipe/kernel/process/agent"
	"snappipe/kernel/process/capture"
	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

// Where precopied keeps what, and how much.
const (
	scattered  = 0x100000000 // numbers of writes, one in each page
	pagesThere = 32 << 10
	journal    = 0x80000000 // how many writes were begun, how many done, and the pages of the last
	journaled  = 128 << 10
	juggled    = 0x200000000 // two places for a mapping that changes all the time
	moves      = 0x90000000  // how many changes were begun, how many done, where it is and what is in it
)

// precopied writes to its memory all the time, and keeps in mappings that are too small
// for a pre-copy what must be in it.
const precopied = `
	void *scatter(void *arg) {
		volatile uint64_t *log = (void *)0x80000000, x = 88172645463325252;
		volatile uint32_t *last = (void *)(log + 2);
		for (uint64_t n = 1;; n++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			uint32_t page = x % (32 << 10);
			last[n % (128 << 10)] = page;
			log[0] = n;
			*(volatile uint64_t *)(0x100000000 + (uint64_t)page * 4096 + 8) = n;
			log[1] = n;
			usleep(50);
		}
	}
	void *juggle(void *arg) {
		volatile uint64_t *log = (void *)0x90000000;
		const size_t size = 16 << 20;
		uint64_t at = 0x200000000, other = 0x220000000;
		for (uint64_t n = 1;; n++) {
			log[0] = n;
			switch (n % 6) {
			case 0:
				MUST(mmap((void *)at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
				break;
			case 1:
				MUST(mremap((void *)at, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)other));
				uint64_t was = at;
				at = other, other = was;
				break;
			case 2:
				MUST(madvise((void *)at, size, MADV_DONTNEED));
				break;
			case 3:
				MUST(mprotect((void *)at, size / 2, PROT_READ));
				MUST(mprotect((void *)at, size / 2, PROT_READ | PROT_WRITE));
				break;
			case 4:
				MUST(munmap((void *)(at + size / 2), size / 2));
				MUST(mmap((void *)(at + size / 2), size / 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
				break;
			case 5:
				MUST(madvise((void *)at, size, n / 6 % 2 ? MADV_DONTFORK : MADV_DOFORK));
				break;
			}
			if (n % 6 != 2)
				for (size_t i = 0; i < size; i += 4096)
					*(uint64_t *)(at + i) = n;
			log[2] = at, log[3] = n % 6 == 2 ? 0 : n, log[1] = n;
			usleep(30000);
		}
	}
	void *at(uint64_t where, size_t size) {
		void *p = mmap((void *)where, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		MUST(p);
		return p;
	}
	at(0x80000000, 1 << 20);
	at(0x90000000, 4096);
	memset(at(0x100000000, 128 << 20), 1, 128 << 20);
	for (int i = 0; i < 32 << 10; i++)
		*(uint64_t *)(0x100000008 + (uint64_t)i * 4096) = 0;
	at(0x200000000, 16 << 20);
	pthread_t t;
	MUST(-pthread_create(&t, 0, scatter, 0));
	MUST(-pthread_create(&t, 0, juggle, 0));
	puts("ready"), fflush(stdout);
	for (;;) // the functions are of this one
		pause();
`

func TestPrecopyIsOfOneMoment(t *testing.T) {
	needTracking(t)
	pid := start(t, precopied)
	whole := 0
	for n := range 8 {
		l, report := takePrecopy(t, pid, capture.NoFault)
		if err := l.check(); err != nil {
			t.Errorf("image %d: %v\n%s", n, err, report)
		}
		if !strings.Contains(report, fmt.Sprintf("pre-copy: %x-", scattered)) {
			whole++
		}
		l.close()
	}
	if whole == 0 {
		t.Error("all images were made by a fork alone")
	}
}

// That what was written to last is missed would show.
func TestPrecopyLeavesOut(t *testing.T) {
	needTracking(t)
	pid := start(t, precopied)
	for range 20 {
		l, report := takePrecopy(t, pid, capture.FaultStale)
		err := l.check()
		l.close()
		if err != nil {
			t.Logf("%v\n%s", err, report)
			return
		}
	}
	t.Error("twenty images without what was written last are right")
}

func needTracking(t *testing.T) {
	t.Helper()
	if err := sys.CanTrack(); err != nil {
		t.Skipf("SKIPPED: this kernel can't track what is written to: %v", err)
	}
}

// looked is an image with what it says.
type looked struct {
	t    *testing.T
	img  *world.World
	live *live
}

// takePrecopy takes one, and returns it with what is reported. A program that keeps
// memory from forks at just that moment is refused, and asked again.
func takePrecopy(t *testing.T, pid int, fault capture.Fault) (*looked, string) {
	t.Helper()
	var said []string
	say := func(line string) { said = append(said, line) }
	var s *agent.Snapshot
	var refusal *kernel.Refusal
	for try := 0; s == nil; try++ {
		var err error
		s, err = agent.Take(context.Background(), pid, agent.Options{Precopy: true, Report: say, Warn: say, Fault: fault})
		if again := errors.As(err, &refusal) && refusal.Advice == "try again"; err != nil && (!again || try == 10) {
			t.Fatal(err)
		}
	}
	live := &live{s}
	time.Sleep(20 * time.Millisecond) // for what is not held to change
	return &looked{t, decodeImage(t, live), live}, strings.Join(said, "\n")
}

func (l *looked) close() {
	l.t.Helper()
	if err := l.live.Close(); err != nil {
		l.t.Errorf("closing the image: %v", err)
	}
}

func (l *looked) words(addr world.Hex, n int) []uint64 {
	b := read(l.t, l.img, l.live, addr, 8*n)
	words := make([]uint64, n)
	for i := range words {
		words[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return words
}

// check tells what in an image of precopied is not of the same moment.
func (l *looked) check() error {
	log := l.words(journal, 2)
	begun, done := log[0], log[1]
	last := read(l.t, l.img, l.live, journal+16, 4*journaled)
	pages := read(l.t, l.img, l.live, scattered, pagesThere<<12)
	holds := func(page uint64) uint64 { return binary.LittleEndian.Uint64(pages[page<<12+8:]) }
	for n := done; n > 0 && n+journaled > begun+1; n-- {
		page := uint64(binary.LittleEndian.Uint32(last[4*(n%journaled):]))
		if h := holds(page); h < n {
			return fmt.Errorf("page %d holds write %d, not %d, of %d", page, h, n, done)
		}
	}
	for page := range uint64(pagesThere) {
		if h := holds(page); h > begun {
			return fmt.Errorf("page %d holds write %d, of %d", page, h, begun)
		}
	}
	return l.checkJuggled()
}

// checkJuggled looks at what changes, if it was not at just that.
func (l *looked) checkJuggled() error {
	const size = 16 << 20
	log := l.words(moves, 4)
	if log[0] != log[1] || log[2] == 0 {
		return nil
	}
	for at := log[2]; at < log[2]+size; {
		v := mapping(l.t, l.img, world.Hex(at))
		end := min(uint64(v.End), log[2]+size)
		words := l.words(world.Hex(at), int(end-at)/8)
		for i := 0; i < len(words); i += 512 {
			if words[i] != log[3] {
				return fmt.Errorf("what changes, change %d: %#x holds %d, not %d", log[0], at+uint64(8*i), words[i], log[3])
			}
		}
		at = end
	}
	return nil
}
