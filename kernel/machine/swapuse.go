// Whether anything was written to the swap areas.
//
// As long as nothing is, each page that was swapped out stays where the image
// knows it to be, whatever happens to the processes. A page that is read back
// leaves its place free for another, which then would overwrite it; and where
// free places are discarded, that alone destroys it.

package machine

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"snappipe/kernel"
)

// swapUse is what has been done to swap areas since the machine was booted.
type swapUse struct {
	out       int64 // pages swapped out, to any area
	discarded int64 // discards of the disks of those in question
}

// use reads the counters, which only go up.
func (s *swapHold) use() (u swapUse, err error) {
	b, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		return u, fmt.Errorf("find out how much was swapped: %w", err)
	}
	if n := counter(b, "pswpout"); n != "" { // else it is a kernel without swap
		if u.out, err = strconv.ParseInt(n, 10, 64); err != nil {
			return u, fmt.Errorf("find out how much was swapped: %w", err)
		}
	}
	for _, a := range s.areas {
		n, err := discards(a.number)
		if err != nil {
			return u, kernel.Refuse(a.String(), "swapoff "+a.name, "what is discarded of it cannot be seen: %v", err)
		}
		u.discarded += n
	}
	return u, nil
}

// discards counts those of a block device: Documentation/block/stat.rst.
func discards(number string) (int64, error) {
	if aboutDevice(number, "queue/iostats") == "0" || aboutDevice(number, "../queue/iostats") == "0" {
		return 0, fmt.Errorf("its queue/iostats is off")
	}
	words := strings.Fields(aboutDevice(number, "stat"))
	if len(words) < 12 {
		return 0, fmt.Errorf("its counters make no sense: %q", words)
	}
	return strconv.ParseInt(words[11], 10, 64)
}
