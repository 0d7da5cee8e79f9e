// An image is of one moment.

package process

import (
	"encoding/binary"
	"testing"

	"snappipe/kernel"
)

// Four threads write generation after generation over their memory, without
// a pause. In an image, each region is of one generation up to some word, and
// of the one before it from there on: a moment, and not what the program made
// of it while the image was read.
func TestNoTornState(t *testing.T) {
	const region, regions, stride = 16 << 20, 4, 64
	pid := start(t, `
		for (long i = 0; i < 4; i++) {
			pthread_t t;
			void *m = mmap((void *)(0x100000000 + (i << 28)), 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			MUST(-pthread_create(&t, 0, writer, m));
		}`)
	for n := range 8 {
		img, live := decode(t, pid, kernel.Options{})
		found := 0
		for r := range regions {
			var addr uint64 = 0x100000000 + uint64(r)<<28
			for _, v := range img.Spaces[0].VMAs {
				if uint64(v.Start) != addr {
					continue
				}
				b := make([]byte, region)
				if _, err := live.ReadAt(b, v.ImageOffset); err != nil {
					t.Fatal(err)
				}
				moment(t, n, r, b, stride)
				found++
			}
		}
		if found != regions {
			t.Fatalf("image %d has %d of %d regions", n, found, regions)
		}
		if err := live.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// moment checks that words fall once at most, and by one.
func moment(t *testing.T, n, region int, b []byte, stride int) {
	t.Helper()
	last, falls := binary.LittleEndian.Uint64(b), 0
	for i := 0; i < len(b); i += stride {
		g := binary.LittleEndian.Uint64(b[i:])
		if g == last {
			continue
		}
		if falls++; falls > 1 || g != last-1 {
			t.Fatalf("image %d, region %d, at %#x: generation %d after %d", n, region, i, g, last)
		}
		last = g
	}
}
