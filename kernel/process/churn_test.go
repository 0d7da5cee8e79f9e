// Descriptors that come and go while a snapshot is taken.

package process

import (
	"testing"

	"snappipe/kernel"
	"snappipe/kernel/process/world"
)

// A program that has as many descriptors as before, but others, when it is stopped, is
// looked at once more.
func TestDescriptorsChange(t *testing.T) {
	pid := start(t, `
		pthread_t t;
		int kept = eventfd(5, 0);
		MUST(dup2(kept, 30));
		MUST(-pthread_create(&t, 0, mover, (void *)(long)kept));`)
	for range 20 {
		img, _ := decode(t, pid, kernel.Options{})
		open := map[int]bool{}
		for _, fd := range img.Tables[0].FDs {
			open[fd.FD] = img.Open[fd.Open].Kind == world.KindEventFD
		}
		if !open[30] && !open[31] {
			t.Fatalf("neither descriptor is there: %v", open)
		}
	}
}
