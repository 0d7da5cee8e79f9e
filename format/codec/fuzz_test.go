// Any bytes, coded and decoded.

package codec

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// FuzzRoundTrip codes any bytes with each codec at any level, and decodes them
// again.
func FuzzRoundTrip(f *testing.F) {
	noise := make([]byte, 200_000) // more than a chunk of LZMA2, and than its dictionary
	rand.NewChaCha8([32]byte{6}).Read(noise)
	half := append(make([]byte, 1000), noise[:70_000]...)
	for _, c := range All() {
		for _, raw := range [][]byte{{0}, []byte("snapshot_system"), bytes.Repeat([]byte("resume_snapshot"), 100), make([]byte, 70_000), noise, half} {
			f.Add(byte(c.ID), byte(0), raw)
			f.Add(byte(c.ID), byte(c.MaxLevel), raw)
		}
	}
	var dec Decoder // one for all, as a worker has it
	f.Fuzz(func(t *testing.T, id, level byte, raw []byte) {
		c := All()[int(id)%len(All())]
		if len(raw) == 0 || len(raw) > 1<<18 {
			return // a part has at least a byte; larger ones only take longer
		}
		enc, err := c.NewEncoder(c.MinLevel + int(level)%(c.MaxLevel-c.MinLevel+1))
		if err != nil {
			t.Fatal(err)
		}
		coded, err := enc.Encode([]byte("before"), raw)
		if err != nil {
			t.Fatal(err)
		}
		payload, ok := bytes.CutPrefix(coded, []byte("before"))
		if !ok {
			t.Fatalf("%s overwrites what it should append to", c.Name)
		}
		got, err := dec.Decode(c.ID, nil, payload, len(raw))
		if err != nil || !bytes.Equal(got, raw) {
			t.Fatalf("%s: other bytes come back: %v", c.Name, err)
		}
		for _, n := range []int{len(raw) - 1, len(raw) + 1} {
			if _, err := dec.Decode(c.ID, nil, payload, n); err == nil {
				t.Fatalf("%s: %d bytes are taken for %d", c.Name, len(raw), n)
			}
		}
	})
}

// FuzzDecode decodes any bytes with each codec. That they can be decoded is
// luck; they must never be decoded to more or fewer bytes than asked for, nor
// to others by a decoder that has decoded something else before.
func FuzzDecode(f *testing.F) {
	for _, p := range payloads(f) {
		f.Add(byte(p.id), p.coded, uint32(p.n))
	}
	var used Decoder
	f.Fuzz(func(t *testing.T, id byte, coded []byte, n uint32) {
		c := All()[int(id)%len(All())]
		n %= 1 << 20 // larger ones only take longer
		first, err := decodeGuarded(t, new(Decoder), c.ID, coded, int(n))
		second, err2 := decodeGuarded(t, &used, c.ID, coded, int(n))
		if (err == nil) != (err2 == nil) || err == nil && !bytes.Equal(first, second) {
			t.Fatalf("%s: a used decoder decodes it to something else: %v; %v", c.Name, err, err2)
		}
	})
}

// decodeGuarded decodes into the middle of a buffer and looks at both ends of
// it.
func decodeGuarded(t *testing.T, d *Decoder, id ID, coded []byte, n int) ([]byte, error) {
	t.Helper()
	const guard = 64
	before, after := bytes.Repeat([]byte{0xA5}, guard), bytes.Repeat([]byte{0x5A}, guard)
	buf := append(append(bytes.Clone(before), make([]byte, n)...), after...)
	src := bytes.Clone(coded)
	got, err := d.Decode(id, buf[:guard], src, n)
	switch {
	case !bytes.Equal(buf[:guard], before) || !bytes.Equal(buf[guard+n:], after):
		t.Fatalf("%v writes beside the part", id)
	case !bytes.Equal(src, coded):
		t.Fatalf("%v writes to what it decodes", id)
	case err != nil:
		return nil, err
	case len(got) != guard+n || &got[0] != &buf[0]:
		t.Fatalf("%v: %d bytes for %d, or elsewhere", id, len(got)-guard, n)
	}
	return bytes.Clone(got[guard:]), nil
}

type payload struct {
	id    ID
	coded []byte
	n     uint64
}

// payloads returns those of the golden vectors' data frames, by their headers
// as far as they can be followed.
func payloads(t testing.TB) []payload {
	t.Helper()
	names, err := filepath.Glob("../../tests/vectors/streams/*.snap")
	if err != nil || len(names) == 0 {
		t.Fatalf("there are no golden vectors: %v", err)
	}
	var all []payload
	for _, name := range names {
		stream, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		le := binary.LittleEndian
		for len(stream) >= 64 {
			h := stream[:64]
			n := int(min(uint64(le.Uint32(h[48:])), uint64(len(stream)-64)))
			if h[12] == 2 && h[10] != 0 {
				all = append(all, payload{ID(h[10]), stream[64 : 64+n], le.Uint64(h[40:])})
			}
			stream = stream[64+n:]
		}
	}
	return all
}
