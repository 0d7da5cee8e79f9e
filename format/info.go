// The first frame: what image it is.

package format

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Info is what the first frame says of the image.
type Info struct {
	// Resumed: the stream has no image. It comes from a system that was
	// resumed, where the snapshot was taken by what is now its past.
	Resumed bool
	// Summed: the stream has SHA-256 checksums.
	Summed bool
	// Size of the image in bytes.
	Size int64
	// ID is the random identity of the snapshot, the same in each of its
	// frames and in each recoded copy.
	ID uint64
	// Facts are what the image says of itself. Those called FactKernel to
	// FactTime are always there.
	Facts Facts
}

// The facts that every image has.
const (
	FactKernel   = "kernel"    // the kernel that can resume it: "process", "machine", "file"
	FactArch     = "arch"      // architecture, as uname -m says it: "x86_64"
	FactPageSize = "page-size" // in bytes, decimal, without leading zeros
	FactHost     = "host"      // name of the host
	FactTime     = "time"      // when the snapshot was made: RFC 3339, UTC
)

var required = []string{FactKernel, FactArch, FactPageSize, FactHost, FactTime}

// NewID returns a random identity, for a new snapshot or for what a filter
// makes another image of.
func NewID() uint64 {
	var id [8]byte
	rand.Read(id[:]) // never fails: crypto/rand
	return binary.LittleEndian.Uint64(id[:])
}

// Fact returns the value of the named fact, or "".
func (i *Info) Fact(name string) string { return i.Facts.Get(name) }

// Time is when the snapshot was made.
func (i *Info) Time() time.Time {
	t, _ := parseTime(i.Fact(FactTime)) // check has parsed it before
	return t
}

// check returns an error unless a first frame may say this.
func (i *Info) check() error {
	if i.Size < 0 {
		return fmt.Errorf("%w: an image of %d bytes", ErrField, i.Size)
	}
	if i.Resumed && i.Size != 0 {
		return fmt.Errorf("%w: a resumed system with an image of %d bytes", ErrField, i.Size)
	}
	if err := i.Facts.check(required...); err != nil {
		return err
	}
	if size := i.Fact(FactPageSize); !isSize(size) {
		return fmt.Errorf("%w: fact %q is no size: %q", ErrField, FactPageSize, size)
	}
	if at := i.Fact(FactTime); !isTime(at) {
		return fmt.Errorf("%w: fact %q is no time in UTC: %q", ErrField, FactTime, at)
	}
	return i.checkBase()
}

func isSize(value string) bool {
	_, err := strconv.ParseUint(value, 10, 63)
	return err == nil && value[0] != '0'
}

func isTime(value string) bool {
	_, ok := parseTime(value)
	return ok
}

// parseTime is stricter than time.Parse, which takes hours of one digit and
// fractions after a comma; and it takes a leap second, which stands at the end
// of a month, for the second after it.
func parseTime(value string) (t time.Time, ok bool) {
	const seconds = "2006-01-02T15:04:05"
	day, rest, leap := strings.Cut(value, "T23:59:60")
	if leap {
		value = day + "T23:59:59" + rest
	}
	t, err := time.Parse(time.RFC3339Nano, value)
	if err != nil || !strings.HasPrefix(value, t.Format(seconds)) || strings.Contains(value, ",") || !strings.HasSuffix(value, "Z") {
		return time.Time{}, false
	}
	if leap {
		if t = t.Add(time.Second); t.Day() != 1 {
			return time.Time{}, false
		}
	}
	return t, true
}

// first makes the stream's first frame.
func (i *Info) first() (*Frame, error) {
	if err := i.check(); err != nil {
		return nil, err
	}
	f := &Frame{Type: TypeImage, Length: i.Size}
	if i.Resumed {
		f.Type = TypeResumed
	}
	if i.Summed {
		f.flags = flagSummed
	}
	return f, f.setPayload(appendFacts(nil, i.Facts))
}

// parseInfo reads the stream's first frame.
func parseInfo(f *Frame) (*Info, error) {
	facts, err := parseFacts(f.Payload())
	if err != nil {
		return nil, err
	}
	info := &Info{
		Resumed: f.Type == TypeResumed,
		Summed:  f.flags&flagSummed != 0,
		Size:    f.Length,
		ID:      f.id,
		Facts:   facts,
	}
	return info, info.check()
}
