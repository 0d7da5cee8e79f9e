// The serial console, as one end of a conversation.

package vm

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"sync"
	"time"
)

// console collects what the guest says.
type console struct {
	in io.Writer

	mu   sync.Mutex
	more *sync.Cond
	all  []byte
	anew bool // a carriage return came last
	read int  // how much of it has been expected
	end  bool
}

func newConsole(in io.Writer, out io.Reader) *console {
	c := &console{in: in}
	c.more = sync.NewCond(&c.mu)
	if os.Getenv("SNAPPIPE_VM_CONSOLE") != "" { // to look on
		out = io.TeeReader(out, os.Stderr)
	}
	go c.listen(out)
	return c
}

func (c *console) listen(out io.Reader) {
	b := make([]byte, 4096)
	for {
		n, err := out.Read(b)
		c.mu.Lock()
		for _, ch := range b[:n] {
			c.put(ch)
		}
		c.end = c.end || err != nil
		c.more.Broadcast()
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// put is a terminal, in so far as a line that is begun anew replaces what was
// there: a progress display leaves only what it showed last.
func (c *console) put(ch byte) {
	if c.anew && ch != '\n' {
		c.all = c.all[:max(c.read, bytes.LastIndexByte(c.all, '\n')+1)]
	}
	if c.anew = ch == '\r'; !c.anew {
		c.all = append(c.all, ch)
	}
}

// expect waits for what matches, and returns the submatches and what came
// before.
func (c *console) expect(re *regexp.Regexp, patience time.Duration) (before string, match []string, err error) {
	late := false
	timer := time.AfterFunc(patience, func() {
		c.mu.Lock()
		late = true
		c.more.Broadcast()
		c.mu.Unlock()
	})
	defer timer.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		rest := c.all[c.read:]
		if at := re.FindSubmatchIndex(rest); at != nil {
			for i := 0; i < len(at); i += 2 {
				match = append(match, string(rest[at[i]:at[i+1]]))
			}
			c.read += at[1]
			return string(rest[:at[0]]), match, nil
		}
		if c.end {
			return "", nil, fmt.Errorf("the machine went off before it said %q", re)
		}
		if late {
			return "", nil, fmt.Errorf("the machine did not say %q within %v", re, patience)
		}
		c.more.Wait()
	}
}

// tail is the end of all that was said.
func (c *console) tail() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.all[max(0, len(c.all)-6000):])
}
