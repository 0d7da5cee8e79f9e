// The image that everything is measured on is the memory of a live program:
// of a child of the benchmark, which fills a heap the way servers do, and then
// holds still. About half of it is small objects of many kinds that point to
// each other, a quarter pages that were touched and never written to, an
// eighth bytes that nothing can compress, and the rest is text.

package main

import (
	"crypto/rand"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"os"
	"strings"
)

const (
	records  = 900_000
	textMiB  = 64
	noiseMiB = 80
	zeroMiB  = 160
)

// record is what a heap of a server is full of.
type record struct {
	id      uint64
	name    string
	tags    []string
	scores  []float64
	parent  *record
	fields  map[string]int
	visited bool
}

// holdHeap is what main calls in the child.
func holdHeap() {
	rnd := mrand.New(mrand.NewPCG(2007, 4))
	heap := grow(rnd)
	text := prose(rnd, textMiB<<20)
	noise := make([]byte, noiseMiB<<20)
	rand.Read(noise)
	zeros := make([]byte, zeroMiB<<20)
	for i := 0; i < len(zeros); i += 4096 {
		zeros[i] = 0 // touched: it takes a page, and a gcore would save it
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin) // until the parent closes it
	fmt.Fprintln(io.Discard, heap, text[:1], noise[:1], zeros[:1])
}

var words = strings.Fields(`snapshot resume image kernel process machine frame
	filter stream pipe twin freeze thaw page extent hole codec checksum root
	alpha beta gamma delta epsilon user error warning info request response
	/usr/lib /var/log /home localhost 127.0.0.1 GET POST 200 404 500 true false`)

func grow(rnd *mrand.Rand) []*record {
	all := make([]*record, records)
	for i := range all {
		r := &record{id: rnd.Uint64N(1 << 40), visited: rnd.IntN(2) == 0}
		r.name = fmt.Sprintf("%s-%s-%d", words[rnd.IntN(len(words))], words[rnd.IntN(len(words))], rnd.IntN(1e6))
		for range rnd.IntN(4) {
			r.tags = append(r.tags, words[rnd.IntN(len(words))])
		}
		for range rnd.IntN(6) {
			r.scores = append(r.scores, float64(rnd.IntN(100000))/100)
		}
		if i > 0 {
			r.parent = all[rnd.IntN(i)]
		}
		if rnd.IntN(4) == 0 {
			r.fields = map[string]int{r.name: i, words[i%len(words)]: rnd.IntN(100)}
		}
		all[i] = r
	}
	return all
}

// prose is the kind of text that logs and documents are: words, times,
// numbers.
func prose(rnd *mrand.Rand, n int) []byte {
	b := make([]byte, 0, n)
	for i := 0; len(b) < n-200; i++ {
		b = fmt.Appendf(b, "2007-04-26T12:%02d:%02d.%06d %s[%d]: ", i/60%60, i%60, rnd.IntN(1e6), words[rnd.IntN(20)], rnd.IntN(30000))
		for range 3 + rnd.IntN(12) {
			b = append(append(b, words[rnd.IntN(len(words))]...), ' ')
		}
		b = append(b, '\n')
	}
	return b
}

// makeImage writes the memory of such a child to path: every private,
// writable mapping that has pages, one after another.
func makeImage(path string) error {
	heap, err := startChild("heap")
	if err != nil {
		return err
	}
	defer heap.stop()
	return dumpMemory(heap.pid(), path)
}

func dumpMemory(pid int, path string) error {
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return err
	}
	defer mem.Close()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		return err
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	var start, end int64
	private := false
	for line := range strings.Lines(string(maps)) {
		var perms string
		var rss int
		if n, _ := fmt.Sscanf(line, "%x-%x %s", &start, &end, &perms); n == 3 {
			private = perms == "rw-p"
		} else if n, _ := fmt.Sscanf(line, "Rss: %d kB", &rss); n == 1 && rss > 0 && private {
			if err := dumpRange(out, mem, start, end, pid); err != nil {
				return err
			}
		}
	}
	return out.Close()
}

// dumpRange copies the pages of a mapping that are there: the Go runtime
// reserves far more than it uses.
func dumpRange(out io.Writer, mem *os.File, start, end int64, pid int) error {
	pagemap, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", pid))
	if err != nil {
		return err
	}
	defer pagemap.Close()
	const pages = 256
	entries := make([]byte, pages*8)
	buf := make([]byte, pages*4096)
	for at := start; at < end; at += pages * 4096 {
		n := min(pages, (end-at)/4096)
		if _, err := pagemap.ReadAt(entries[:n*8], at/4096*8); err != nil {
			return err
		}
		if _, err := mem.ReadAt(buf[:n*4096], at); err != nil {
			return err
		}
		for i := range n {
			if entries[i*8+7]&0xc0 == 0 { // neither present nor swapped
				continue
			}
			if _, err := out.Write(buf[i*4096 : (i+1)*4096]); err != nil {
				return err
			}
		}
	}
	return nil
}
