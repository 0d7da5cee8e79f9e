// What is dammed up, and that it is let through again.

package sys

import (
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

// A way that is dammed lets nothing through, and later what was sent meanwhile.
func TestDam(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may")
	}
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		for _, stays := range []bool{false, true} {
			from, to := connection(t, address)
			ways := []Way{{netip.MustParseAddrPort(from.LocalAddr().String()), netip.MustParseAddrPort(from.RemoteAddr().String())}}
			const name = "snappipe-test"
			d, err := DamUp(name, ways, stays)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := from.Write([]byte{1}); err != nil {
				t.Fatal(err)
			}
			if arrives(to, 100*time.Millisecond) {
				t.Errorf("%s: it leaks", address)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			if stays {
				if arrives(to, 400*time.Millisecond) {
					t.Errorf("%s: it does not stay", address)
				}
				for range 2 { // once more, as if it had gone by itself
					if err := BreakDam(name, ways); err != nil {
						t.Fatal(err)
					}
				}
			}
			if !arrives(to, 10*time.Second) {
				t.Errorf("%s: what was kept back does not come", address)
			}
		}
	}
}

func connection(t *testing.T, address string) (from, to net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if from, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { from.Close() })
	if to, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { to.Close() })
	return from, to
}

func arrives(to net.Conn, within time.Duration) bool {
	to.SetReadDeadline(time.Now().Add(within))
	n, _ := to.Read(make([]byte, 1))
	return n == 1
}
