// Socket addresses, as text and as bytes.

package world

import "testing"

func TestAddressText(t *testing.T) {
	for _, test := range []struct {
		address, text, path string
		bound               bool
	}{
		{"", "an unknown address", "", false},
		{"\x01\x00", "", "", false},
		{"\x01\x00/run/x\x00", "/run/x", "/run/x", true},
		{"\x01\x00x", "x", "x", true},
		{"\x01\x00\x00abstract", "@abstract", "", true},
		{"\x01\x00\x00", "@", "", true},
		{"\x02\x00\x00\x50\x7f\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00", "127.0.0.1:80", "", true},
		{"\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "0.0.0.0:0", "", false},
		{"\x0a\x00\x1f\x90\x00\x00\x00\x00" + "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07" + "\x00\x00\x00\x00", "[2001:db8::7]:8080", "", true},
		{"\x0a\x00\x1f\x90\x00\x00\x00\x00" + "\xfe\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07" + "\x04\x00\x00\x00", "[fe80::7%4]:8080", "", true},
		{"\x0a\x00\x1f\x90\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x7f\x00\x00\x01" + "\x00\x00\x00\x00", "127.0.0.1:8080", "", true},
		{"\x28\x00\x00\x00", "an address of family 40", "", false},
	} {
		if text := AddressText([]byte(test.address)); text != test.text {
			t.Errorf("%x is %q, not %q", test.address, text, test.text)
		}
		if path := SocketPath([]byte(test.address)); path != test.path {
			t.Errorf("%x has path %q, not %q", test.address, path, test.path)
		}
		if bound := IsBound([]byte(test.address)); bound != test.bound {
			t.Errorf("%x is bound: %v", test.address, bound)
		}
	}
}
