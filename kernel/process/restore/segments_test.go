// Segment descriptors, as two calls have them.

package restore

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// The descriptors are those that modify_ldt(2) reads for what it was given.
func TestUserDesc(t *testing.T) {
	for descriptor, want := range map[string]string{
		// data, 32 bits, base 0x12345678, limit 0xfff
		"ff0f785634f25012": "07000000" + "78563412" + "ff0f0000" + "41000000",
		// code that can't be read, in pages, limit 0xabcde
		"debc000000f8ca00": "07000000" + "00000000" + "debc0a00" + "1d000000",
	} {
		d, err := hex.DecodeString(descriptor)
		if err != nil {
			t.Fatal(err)
		}
		w, err := hex.DecodeString(want)
		if err != nil {
			t.Fatal(err)
		}
		if got := userDesc(7, d); !bytes.Equal(got, w) {
			t.Errorf("%s is %x, not %x", descriptor, got, w)
		}
	}
}
