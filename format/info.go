package format

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
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
	// Facts are what the image says of itself. Those named by the
	// constants below are always there.
	Facts []Fact
}

// Fact is a name and a value.
type Fact struct{ Name, Value string }

// The facts that every image has.
const (
	FactKernel   = "kernel"    // the kernel that can resume it: "process", "machine", "file"
	FactArch     = "arch"      // architecture, as uname -m says it: "x86_64"
	FactPageSize = "page-size" // in bytes, decimal, without leading zeros
	FactHost     = "host"      // name of the host
	FactTime     = "time"      // when the snapshot was made: RFC 3339, UTC
)

var required = []string{FactKernel, FactArch, FactPageSize, FactHost, FactTime}

// Fact returns the value of the named fact, or "".
func (i *Info) Fact(name string) string {
	for _, f := range i.Facts {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// Time is when the snapshot was made.
func (i *Info) Time() time.Time {
	t, _ := time.Parse(time.RFC3339Nano, i.Fact(FactTime)) // checkFacts has parsed it before
	return t
}

const (
	maxFactName = 64
	// maxFacts bounds the memory that a first frame full of short facts
	// would take: each costs many times its length.
	maxFacts = 1024
)

func appendFacts(b []byte, facts []Fact) []byte {
	for _, f := range facts {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(f.Name)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f.Value)))
		b = append(append(b, f.Name...), f.Value...)
	}
	return b
}

func parseFacts(b []byte) ([]Fact, error) {
	var facts []Fact
	for len(b) > 0 {
		if len(facts) == maxFacts {
			return nil, errManyFacts
		}
		if len(b) < 6 {
			return nil, fmt.Errorf("%w: a fact is cut off", ErrField)
		}
		n, v := int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint32(b[2:]))
		if b = b[6:]; n > len(b) || v > len(b)-n {
			return nil, fmt.Errorf("%w: a fact is cut off", ErrField)
		}
		facts = append(facts, Fact{string(b[:n]), string(b[n : n+v])})
		b = b[n+v:]
	}
	return facts, checkFacts(facts)
}

var errManyFacts = fmt.Errorf("%w: more than %d facts", ErrField, maxFacts)

func checkFacts(facts []Fact) error {
	if len(facts) > maxFacts {
		return errManyFacts
	}
	have := map[string]string{}
	for _, f := range facts {
		if err := checkFact(f); err != nil {
			return err
		}
		if _, twice := have[f.Name]; twice {
			return fmt.Errorf("%w: fact %q comes twice", ErrField, f.Name)
		}
		have[f.Name] = f.Value
	}
	for _, name := range required {
		if have[name] == "" {
			return fmt.Errorf("%w: fact %q is missing", ErrField, name)
		}
	}
	if size := have[FactPageSize]; !isSize(size) {
		return fmt.Errorf("%w: fact %q is no size: %q", ErrField, FactPageSize, size)
	}
	if at := have[FactTime]; !isTime(at) {
		return fmt.Errorf("%w: fact %q is no time in UTC: %q", ErrField, FactTime, at)
	}
	return nil
}

func isSize(value string) bool {
	_, err := strconv.ParseUint(value, 10, 63)
	return err == nil && value[0] != '0'
}

// isTime is stricter than time.Parse, which takes hours of one digit and
// fractions after a comma.
func isTime(value string) bool {
	t, err := time.Parse(time.RFC3339Nano, value)
	return err == nil && strings.HasPrefix(value, t.Format("2006-01-02T15:04:05")) &&
		!strings.Contains(value, ",") && strings.HasSuffix(value, "Z")
}

func checkFact(f Fact) error {
	if len(f.Name) == 0 || len(f.Name) > maxFactName {
		return fmt.Errorf("%w: a fact's name has %d bytes", ErrField, len(f.Name))
	}
	for _, c := range []byte(f.Name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return fmt.Errorf("%w: fact %q has another name than a-z, 0-9 and hyphens make", ErrField, f.Name)
		}
	}
	if !utf8.ValidString(f.Value) {
		return fmt.Errorf("%w: fact %q is not UTF-8", ErrField, f.Name)
	}
	return nil
}

// first makes the stream's first frame.
func (i *Info) first() (*Frame, error) {
	if err := checkFacts(i.Facts); err != nil {
		return nil, err
	}
	f := &Frame{Type: TypeImage, Length: i.Size}
	if i.Resumed {
		f.Type, f.Length = TypeResumed, 0
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
	return &Info{
		Resumed: f.Type == TypeResumed,
		Summed:  f.flags&flagSummed != 0,
		Size:    f.Length,
		ID:      f.id,
		Facts:   facts,
	}, nil
}
