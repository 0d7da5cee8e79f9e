// Files that are mapped and written to meanwhile.

package process

import (
	"bytes"
	"testing"
	"time"

	"snappipe/kernel"
	"snappipe/kernel/process/world"
)

// The image stays the same while the program goes on to write to a file that
// it has mapped.
func TestMappedFileIsWritten(t *testing.T) {
	for _, test := range []struct{ name, setup string }{
		{"through a descriptor", `
			int f = open("data", O_RDWR | O_CREAT, 0600);
			MUST(ftruncate(f, 65536));
			char *m = mmap((void *)0x10000000, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, f, 0);
			strcpy(m + 4096, "changed");
			pthread_t t;
			MUST(-pthread_create(&t, 0, rewriter, (void *)(long)f));
			while (!*(volatile char *)m);`},
		{"through a mapping", `
			int f = open("data", O_RDWR | O_CREAT, 0600);
			MUST(ftruncate(f, 16 << 20));
			char *m = mmap((void *)0x10000000, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, f, 0);
			void *s = mmap((void *)0x20000000, 16 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, f, 0);
			close(f);
			strcpy(m + 4096, "changed");
			pthread_t t;
			MUST(-pthread_create(&t, 0, writer, s));
			while (!*(volatile char *)m);`},
	} {
		t.Run(test.name, func(t *testing.T) {
			img, live := decode(t, start(t, test.setup), kernel.Options{})
			first := read(t, img, live, 0x10000000, 8192)
			time.Sleep(50 * time.Millisecond)
			if again := read(t, img, live, 0x10000000, 8192); !bytes.Equal(first, again) {
				t.Error("another look shows other bytes")
			}
			if bytes.Equal(first[:8], make([]byte, 8)) || string(first[4096:4103]) != "changed" {
				t.Errorf("it begins with %x, and its second page with %q", first[:8], first[4096:4103])
			}
			for _, v := range img.Spaces[0].VMAs {
				if v.Shared && v.Start == world.Hex(0x20000000) && v.ImageSize != 0 {
					t.Errorf("%d bytes of what is in the file alone", v.ImageSize)
				}
			}
		})
	}
}
