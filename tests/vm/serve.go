// The other end of a guest's network connection.

package vm

import (
	"io"
	"net"
	"os"
	"testing"
)

// Listener is a process of the host that talks to one guest, once.
type Listener struct {
	Port int
	done chan error
}

// ServeOnce lets talk have the first connection to a port of the host, which
// the guest knows as 10.0.2.2.
func ServeOnce(t testing.TB, talk func(net.Conn) error) *Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &Listener{l.Addr().(*net.TCPAddr).Port, make(chan error, 1)}
	go func() {
		c, err := l.Accept()
		if err == nil {
			err = talk(c)
			c.Close()
		}
		s.done <- err
	}()
	return s
}

// ServeFile sends a file.
func ServeFile(t testing.TB, name string) *Listener {
	t.Helper()
	return ServeOnce(t, func(c net.Conn) error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(c, f)
		return err
	})
}

// Wait returns when talk is done, and has not failed.
func (l *Listener) Wait(t testing.TB) {
	t.Helper()
	if err := <-l.done; err != nil {
		t.Fatal(err)
	}
}
