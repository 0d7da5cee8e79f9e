// What is on its way to the swap areas, and a disk that takes nothing.

package machine

import (
	"fmt"
	"os"
	"strings"
	"time"
)

const (
	patience = 60 * time.Second // with a disk that writes nothing
	glance   = 20 * time.Millisecond
)

// swapTraffic is looked at again and again.
type swapTraffic struct {
	swap  *swapHold
	use   swapUse   // as last seen
	under string    // likewise: what is on its way
	since time.Time // when either has changed last
}

func (s *swapHold) watchTraffic() *swapTraffic { return &swapTraffic{swap: s, since: time.Now()} }

// look reports whether nothing is on its way, and has not been since the look before. It
// fails when the disks have had their time.
func (t *swapTraffic) look() (still bool, err error) {
	use, err := t.swap.use()
	if err != nil {
		return false, err
	}
	under, err := t.swap.underWay()
	if err != nil {
		return false, err
	}
	if use == t.use && under == t.under {
		if under != "" && time.Since(t.since) > patience {
			return false, fmt.Errorf("wait until all that was paged out is on its disk: for %v, nothing has moved: %s", patience, under)
		}
		return under == "", nil
	}
	t.use, t.under, t.since = use, under, time.Now()
	return false, nil
}

// settle returns how the areas have been used as soon as nothing is on its way to or
// from them.
func (s *swapHold) settle() (swapUse, error) {
	if len(s.areas) == 0 {
		return s.use()
	}
	t, quiet := s.watchTraffic(), 0 // looks in a row that found all as it was
	for ; quiet < 2; time.Sleep(glance) {
		still, err := t.look()
		if err != nil {
			return t.use, err
		}
		if quiet++; !still {
			quiet = 0
		}
	}
	return t.use, nil
}

// underWay says what is: requests that a disk has, and pages that may be with a layer
// above it, as where a device-mapper target is suspended.
func (s *swapHold) underWay() (string, error) {
	var all []string
	for _, a := range s.areas {
		if n := strings.Join(strings.Fields(aboutDevice(a.number, "inflight")), "+"); n != "0+0" {
			all = append(all, fmt.Sprintf("%v has %s requests", a, n))
		}
	}
	b, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		return "", fmt.Errorf("find out what is being written: %w", err)
	}
	if n := counter(b, "nr_writeback"); n != "" && n != "0" {
		all = append(all, n+" pages are being written")
	}
	return strings.Join(all, ", "), nil
}

// counter is one of those of /proc/vmstat, or "".
func counter(vmstat []byte, name string) string {
	_, after, ok := strings.Cut("\n"+string(vmstat), "\n"+name+" ")
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(after, "\n")
	return value
}
