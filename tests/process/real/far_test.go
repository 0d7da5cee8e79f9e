// Connections to somebody who is not in the image.

package real

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"snappipe/tests/process/cycle"
)

// echo is a server of one connection at a port.
const echo = `
import socket, sys
l = socket.create_server((sys.argv[1], int(sys.argv[2])), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
c, _ = l.accept()
while data := c.recv(65536):
    c.sendall(data)
`

// A server ends with its image and goes on from it, twice in a row, while somebody
// outside sends numbers and gets them back: none is lost, and none comes twice.
func TestFarEnd(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run(host, func(t *testing.T) {
			s, p, peer := echoing(t, host)
			for range 2 {
				pid := p.PID
				if cycle.Children(pid) != nil { // of snapresume
					pid = cycle.Program(t, p)
				}
				peer.moves(t, p)
				r := stored(t, s, s.Tool("snapcat", "--then", "kill", "--force", "-o", s.Path("img"), "process:"+strconv.Itoa(pid)))
				if r != 0 {
					t.Fatalf("no snapshot: status %d", r)
				}
				cycle.Until(t, "the program to be gone", p.Ended)
				time.Sleep(500 * time.Millisecond) // the other end sends again, to nobody
				p = s.Resume(t)
			}
			peer.moves(t, p)
			peer.end(t)
			if status := p.Status(t); status != 0 {
				t.Errorf("status %d\n%s", status, p.Text())
			}
		})
	}
}

// The image can't be stored: the program goes on, and so does its connection.
func TestFarEndNotStored(t *testing.T) {
	s, p, peer := echoing(t, "127.0.0.1")
	peer.moves(t, p)
	cat := s.Tool("snapcat", "--then", "kill", "-o", s.Path("img"), "process:"+strconv.Itoa(p.PID))
	limited := exec.Command("prlimit", append([]string{"--fsize=100000"}, cat.Args...)...)
	limited.Env, limited.Dir = cat.Env, cat.Dir
	if stored(t, s, limited) == 0 {
		t.Error("it is stored, of which there is no room for a part")
	}
	peer.moves(t, p)
	peer.end(t)
	if status := p.Status(t); status != 0 {
		t.Errorf("status %d\n%s", status, p.Text())
	}
}

func stored(t *testing.T, s *cycle.Stage, cmd *exec.Cmd) int {
	t.Helper()
	p := cycle.Launch(t, cmd)
	status := p.Status(t)
	if text := p.Text(); text != "" {
		t.Log(text)
	}
	return status
}

// peer is who sends numbers and gets them back.
type peer struct {
	conn net.Conn
	got  chan uint64
	done chan error
}

func echoing(t *testing.T, host string) (*cycle.Stage, *cycle.Process, *peer) {
	t.Helper()
	cycle.Need(t, "prlimit")
	if cycle.Users()[0].Name != cycle.Root.Name {
		t.Skip("only root keeps connections to others")
	}
	s := cycle.NewStage(t, cycle.Root)
	port := freePort(t)
	p := s.Start(t, interpreter(t), "-c", echo, host, fmt.Sprint(port))
	c := &peer{got: make(chan uint64, 1), done: make(chan error, 1)}
	cycle.Until(t, "the server", func() (ok bool) {
		var err error
		c.conn, err = net.Dial("tcp", net.JoinHostPort(host, fmt.Sprint(port)))
		return err == nil || p.Ended()
	})
	if c.conn == nil {
		t.Fatal(p.Text())
	}
	t.Cleanup(func() { c.conn.Close() })
	go c.send()
	go func() { c.done <- c.receive() }()
	return s, p, c
}

func (c *peer) send() {
	w := bufio.NewWriterSize(c.conn, 10000)
	for n := uint64(1); ; n++ {
		if binary.Write(w, binary.LittleEndian, n) != nil {
			return
		}
	}
}

// receive checks the numbers, and tells the last one to whoever asks.
func (c *peer) receive() error {
	r := bufio.NewReader(c.conn)
	for want := uint64(1); ; want++ {
		var got uint64
		if err := binary.Read(r, binary.LittleEndian, &got); err != nil {
			return fmt.Errorf("after %d: %w", want-1, err)
		}
		if got != want {
			return fmt.Errorf("%d comes after %d", got, want-1)
		}
		select {
		case c.got <- got:
		default:
		}
	}
}

// moves waits until many more numbers have come.
func (c *peer) moves(t *testing.T, p *cycle.Process) {
	t.Helper()
	last, limit := uint64(0), time.After(time.Minute)
	<-c.got // from before
	for n := 0; n < 20; n++ {
		select {
		case last = <-c.got:
		case err := <-c.done:
			t.Fatalf("the connection: %v\n%s", err, p.Text())
		case <-limit:
			t.Fatalf("nothing comes after %d\n%s", last, p.Text())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// end has the server end.
func (c *peer) end(t *testing.T) {
	t.Helper()
	if err := c.conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Error(err)
	}
	if err := <-c.done; !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the connection ends with: %v", err)
	}
}
