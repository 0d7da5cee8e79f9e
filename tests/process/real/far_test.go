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
			for round := range 2 {
				peer.moves(t, p)
				p = killAndResume(t, s, p, round > 0)
			}
			peer.moves(t, p)
			peer.end(t)
			if status := p.Status(t); status != 0 {
				t.Errorf("status %d\n%s", status, p.Text())
			}
		})
	}
}

// halfClosed is a server of one connection that ends its direction before it is asked
// anything, and counts what it gets.
const halfClosed = `
import socket, sys
l = socket.create_server((sys.argv[1], int(sys.argv[2])), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
c, _ = l.accept()
c.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
c.sendall(b"x" * int(sys.argv[3]))
c.shutdown(socket.SHUT_WR)
open("closed", "w")
n = 0
while data := c.recv(65536):
    n += len(data)
sys.exit(n != 3000)
`

// A server has closed its direction, of which the other end has heard, or not yet, since it
// has not read what comes before. It ends with its image and goes on from it, twice.
func TestFarHalfClosed(t *testing.T) {
	needFar(t)
	for size, known := range map[int]bool{5: true, 3 << 20: false} {
		for _, host := range []string{"127.0.0.1", "::1"} {
			t.Run(fmt.Sprintf("%s,%d", host, size), func(t *testing.T) {
				s := cycle.NewStage(t, cycle.Root)
				port := freePort(t)
				p := s.Start(t, interpreter(t), "-c", halfClosed, host, port, fmt.Sprint(size))
				conn := dial(t, p, host, port)
				s.Await(t, p, "closed")
				if known {
					readEnd(t, conn, size)
				}
				for round := range 2 {
					if _, err := conn.Write(make([]byte, 1000)); err != nil {
						t.Fatal(err)
					}
					p = killAndResume(t, s, p, round > 0)
				}
				if !known {
					readEnd(t, conn, size)
				}
				if _, err := conn.Write(make([]byte, 1000)); err != nil {
					t.Fatal(err)
				}
				conn.Close()
				if status := p.Status(t); status != 0 {
					t.Errorf("status %d\n%s", status, p.Text())
				}
			})
		}
	}
}

// hearing is a server of one connection that hears its end while it has not read all, and
// answers then.
const hearing = `
import os, socket, sys, time
l = socket.create_server((sys.argv[1], int(sys.argv[2])), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
c, _ = l.accept()
n = len(c.recv(1000, socket.MSG_WAITALL))
open("closed", "w")
while not os.path.exists("go"):
    time.sleep(0.01)
while data := c.recv(65536):
    n += len(data)
c.sendall(b"x" * n)
`

// The other end has closed its direction, and waits for an answer. The server hears of it
// once, twice resumed, behind what it has not read.
func TestFarEnded(t *testing.T) {
	needFar(t)
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run(host, func(t *testing.T) {
			s := cycle.NewStage(t, cycle.Root)
			port := freePort(t)
			p := s.Start(t, interpreter(t), "-c", hearing, host, port)
			conn := dial(t, p, host, port)
			if _, err := conn.Write(make([]byte, 70000)); err != nil {
				t.Fatal(err)
			}
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			s.Await(t, p, "closed")
			for round := range 2 {
				p = killAndResume(t, s, p, round > 0)
			}
			cycle.Program(t, p)
			s.Write(t, "go", "")
			readEnd(t, conn, 70000)
			if status := p.Status(t); status != 0 {
				t.Errorf("status %d\n%s", status, p.Text())
			}
		})
	}
}

// readEnd reads so many bytes up to the end of what comes.
func readEnd(t *testing.T, conn net.Conn, size int) {
	t.Helper()
	if n, err := io.Copy(io.Discard, conn); n != int64(size) || err != nil {
		t.Errorf("%d bytes came, not %d: %v", n, size, err)
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

// killAndResume has a program end with its image, and go on from it a while later.
func killAndResume(t *testing.T, s *cycle.Stage, p *cycle.Process, again bool) *cycle.Process {
	t.Helper()
	pid := p.PID
	if again { // it is snapresume
		pid = cycle.Program(t, p)
	}
	r := stored(t, s, s.Tool("snapcat", "--then", "kill", "--force", "-o", s.Path("img"), "process:"+strconv.Itoa(pid)))
	if r != 0 {
		t.Fatalf("no snapshot: status %d", r)
	}
	cycle.Until(t, "the program to be gone", p.Ended)
	time.Sleep(500 * time.Millisecond) // the other end sends again, to nobody
	return s.Resume(t)
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
	needFar(t)
	s := cycle.NewStage(t, cycle.Root)
	port := freePort(t)
	p := s.Start(t, interpreter(t), "-c", echo, host, port)
	c := &peer{got: make(chan uint64, 1), done: make(chan error, 1)}
	c.conn = dial(t, p, host, port)
	go c.send()
	go func() { c.done <- c.receive() }()
	return s, p, c
}

func needFar(t *testing.T) {
	t.Helper()
	if cycle.Users()[0].Name != cycle.Root.Name {
		t.Skip("only root keeps connections to others")
	}
}

// dial connects to a server that is about to listen.
func dial(t *testing.T, p *cycle.Process, host, port string) (conn net.Conn) {
	t.Helper()
	cycle.Until(t, "the server", func() (ok bool) {
		var err error
		conn, err = net.Dial("tcp", net.JoinHostPort(host, port))
		return err == nil || p.Ended()
	})
	if conn == nil {
		t.Fatal(p.Text())
	}
	t.Cleanup(func() { conn.Close() })
	return conn
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
