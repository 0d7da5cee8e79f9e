// Witness is a program for the guest: several processes that would notice if
// a resumed machine were not the one that was saved.
//
//	witness start MIB   starts them, each with MIB of random ballast
//	witness show        says of each: name, PID, token, count, state
//	witness hog MIB     fills so much memory, and says so in /run/hog; when there
//	                    is a file /run/look, it looks whether all of it is as it
//	                    was, says so in /run/seen, and removes that file
//	witness write LOG SYNCED
//	                    appends numbers to the file LOG; the last that is on
//	                    its disk is in the file SYNCED
//
// A token is random and only in memory; a count goes on by one every 100 ms;
// the state is "ok" as long as the ballast, which is looked at every 10 counts,
// has the digest it began with and every message came back as it was sent.
package main

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

const (
	dir     = "/run/witness"
	address = "127.0.0.1:7007"
)

// roles are what the processes do with each count.
var roles = map[string]func() (func(n uint64) error, error){
	"first":  alone,
	"second": alone,
	"tcp":    overTCP,
	"pipe":   throughPipe,
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "witness:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "start":
		return start(args[1])
	case len(args) == 2 && args[0] == "hog":
		return hog(args[1])
	case len(args) == 1 && args[0] == "show":
		return show()
	case len(args) == 1 && args[0] == "echo":
		return serve()
	case len(args) == 3 && args[0] == "write":
		return write(args[1], args[2])
	case len(args) == 2 && roles[args[0]] != nil:
		return testify(args[0], args[1])
	}
	return fmt.Errorf("what is %q", args)
}

// start returns when all of them have testified once.
func start(mib string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	self := func(args ...string) error {
		c := exec.Command("/proc/self/exe", args...)
		c.Stderr = os.Stderr
		return c.Start()
	}
	if err := self("echo"); err != nil {
		return err
	}
	for role := range roles {
		if err := self(role, mib); err != nil {
			return err
		}
	}
	for range 3000 {
		files, err := filepath.Glob(dir + "/*.said")
		if err != nil || len(files) == len(roles) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("not all of the witnesses are there")
}

func show() error {
	for role := range roles {
		b, err := os.ReadFile(filepath.Join(dir, role+".said"))
		if err != nil {
			return err
		}
		os.Stdout.Write(b)
	}
	return nil
}

func testify(role, mib string) error {
	n, err := strconv.Atoi(mib)
	if err != nil {
		return err
	}
	token, ballast := make([]byte, 8), make([]byte, n<<20)
	rand.Read(token)
	rand.Read(ballast)
	sum := digest(ballast)
	act, err := roles[role]()
	if err != nil {
		return err
	}
	for count := uint64(1); ; count++ {
		state := "ok"
		if err := act(count); err != nil {
			state = fmt.Sprintf("%q", err)
		}
		if count%10 == 1 && digest(ballast) != sum {
			state = "ballast"
		}
		said := fmt.Appendf(nil, "%s %d %x %d %s\n", role, os.Getpid(), token, count, state)
		if err := put(filepath.Join(dir, role), said); err != nil {
			return err
		}
		if state != "ok" {
			select {} // it stays said
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// digest notices a change of any bit, and takes an emulated CPU no longer than
// it has to: each step is a bijection of what came before.
func digest(b []byte) (sum uint64) {
	for ; len(b) >= 8; b = b[8:] {
		sum = (bits.RotateLeft64(sum, 5) ^ binary.LittleEndian.Uint64(b)) * 0x9e3779b97f4a7c15
	}
	return sum
}

func hog(mib string) error {
	n, err := strconv.Atoi(mib)
	if err != nil {
		return err
	}
	var seed [8]byte
	rand.Read(seed[:])
	words := func(page int) [2]uint64 {
		w := (binary.LittleEndian.Uint64(seed[:]) + uint64(page)) * 0x9e3779b97f4a7c15
		return [2]uint64{w, bits.RotateLeft64(w, 29) * 0xbf58476d1ce4e5b9}
	}
	b := make([]byte, n<<20)
	for at := 0; at < len(b); at += page {
		for i, w := range words(at / page) {
			binary.LittleEndian.PutUint64(b[at+i*(page-8):], w)
		}
	}
	if err := os.WriteFile("/run/hog", fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		return err
	}
	for ; ; time.Sleep(100 * time.Millisecond) {
		if os.Remove("/run/look") != nil {
			continue
		}
		wrong := 0
		for at := 0; at < len(b); at += page {
			for i, w := range words(at / page) {
				if binary.LittleEndian.Uint64(b[at+i*(page-8):]) != w {
					wrong++
				}
			}
		}
		if err := os.WriteFile("/run/seen", fmt.Appendln(nil, wrong, "words are wrong"), 0o644); err != nil {
			return err
		}
	}
}

const page = 4096

func write(log, synced string) error {
	f, err := os.OpenFile(log, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		if _, err := fmt.Fprintln(f, n); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		if err := os.WriteFile(synced+".new", fmt.Appendln(nil, n), 0o644); err != nil {
			return err
		}
		if err := os.Rename(synced+".new", synced); err != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// put replaces a file as a whole.
func put(name string, b []byte) error {
	if err := os.WriteFile(name+".new", b, 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name+".said")
}

func alone() (func(uint64) error, error) {
	return func(uint64) error { return nil }, nil
}

func overTCP() (func(uint64) error, error) {
	var c net.Conn
	var err error
	for range 100 {
		if c, err = net.Dial("tcp", address); err == nil {
			return echoed(c, c), nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, err
}

func throughPipe() (func(uint64) error, error) {
	c := exec.Command("/bin/cat")
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return echoed(out, in), c.Start()
}

// echoed sends a count and wants it back.
func echoed(r io.Reader, w io.Writer) func(uint64) error {
	return func(n uint64) error {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], n)
		if _, err := w.Write(b[:]); err != nil {
			return err
		}
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return err
		}
		if got := binary.LittleEndian.Uint64(b[:]); got != n {
			return fmt.Errorf("sent %d, got %d", n, got)
		}
		return nil
	}
}

func serve() error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go io.Copy(c, c)
	}
}
