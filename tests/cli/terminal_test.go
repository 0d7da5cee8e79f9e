// What goes to a terminal, and what does not.

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTerminalRefused shows that nothing binary goes to a terminal, or comes
// from one.
func TestTerminalRefused(t *testing.T) {
	image := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(image, []byte("hello"), 0o666); err != nil {
		t.Fatal(err)
	}
	stream, err := exec.Command("snapcat", "file:"+image).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		command string
		in      bool // standard input is the terminal, not standard output
		want    string
	}{
		{command: "snapcat file:" + image, want: "the output is binary"},
		{command: "snapcat --raw file:" + image, want: "the output is binary"},
		{command: "snapcat -o /dev/tty file:" + image, want: "the output is binary"},
		{command: "snapcompress", want: "the output is binary"},
		{command: "snapverify", want: "the output is binary"},
		{command: "snapcompress", in: true, want: "standard input is a terminal"},
		{command: "snapverify", in: true, want: "standard input is a terminal"},
		{command: "snapverify --check", in: true, want: "standard input is a terminal"},
		{command: "snapresume --to file:x", in: true, want: "standard input is a terminal"},
	} {
		t.Run(c.command, func(t *testing.T) {
			master, slave := openTerminal(t)
			defer master.Close()
			words := strings.Fields(c.command)
			cmd := exec.Command(words[0], words[1:]...)
			cmd.Dir = t.TempDir()
			var said bytes.Buffer
			cmd.Stderr = &said
			if c.in {
				cmd.Stdin = slave
			} else {
				cmd.Stdin, cmd.Stdout = bytes.NewReader(stream), slave
				// A session of its own, for /dev/tty to be the terminal.
				cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true, Ctty: 1}
			}
			cmd.Run() // the status is what counts
			slave.Close()
			if got := cmd.ProcessState.ExitCode(); got != 2 {
				t.Errorf("exit status %d, not 2", got)
			}
			if !strings.Contains(said.String(), c.want) || strings.Count(said.String(), "\n") != 2 {
				t.Errorf("it says %q, not %q and a hint", said.String(), c.want)
			}
			if shown := readAll(t, master); len(shown) > 0 {
				t.Errorf("%d bytes went to the terminal", len(shown))
			}
		})
	}
}

// TestProgress shows that of the tools of a pipeline one shows progress, and
// which, and that its line is gone in the end.
func TestProgress(t *testing.T) {
	image := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(image, bytes.Repeat([]byte("0123456789abcdef"), 1<<20), 0o666); err != nil {
		t.Fatal(err)
	}
	// The tool behind the first one waits in the middle, so that there is
	// something to show.
	const slow = `{ head -c 9000000; sleep 2; cat; }`
	for _, c := range []struct{ name, script, shows string }{
		{"the last tool", "snapcat file:$IMAGE | " + slow + " | snapcompress --codec s2 | snapverify > out", "snapverify"},
		{"the only tool", slow + " < img | snapcompress > out", "snapcompress"},
		{"before others", "snapcat file:$IMAGE | " + slow + " > out", "snapcat"},
		{"without an end", slow + " < img | snapresume --to file:out", "snapresume"},
		{"quiet", slow + " < img | snapverify -q > out", ""},
		{"into a file", "(" + slow + " < img | snapverify > out) 2> said", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			shown := onTerminal(t, image, c.script)
			for _, tool := range []string{"snapcat", "snapcompress", "snapverify", "snapresume"} {
				if got := strings.Contains(shown, tool+": "); got != (tool == c.shows) {
					t.Errorf("%s shows progress: %v, in %q", tool, got, shown)
				}
			}
			if c.shows == "" {
				return
			}
			for _, part := range []string{" of 16.0 MiB  ", "%  ", "/s", " left  ", "ratio "} {
				if !strings.Contains(shown, part) {
					t.Errorf("no %q in %q", part, shown)
				}
			}
			if !strings.HasSuffix(shown, "\r\x1b[K") {
				t.Errorf("the line is not removed: %q", shown)
			}
		})
	}
}

// onTerminal runs a shell script in a session of its own and returns what its
// terminal got to see.
func onTerminal(t *testing.T, image, script string) string {
	t.Helper()
	master, slave := openTerminal(t)
	defer master.Close()
	cmd := exec.Command("bash", "-e", "-o", "pipefail", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "IMAGE="+image)
	if out, err := exec.Command("snapcat", "-o", filepath.Join(cmd.Dir, "img"), "file:"+image).CombinedOutput(); err != nil {
		t.Fatalf("snapcat: %v: %s", err, out)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true, Ctty: 2}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	shown := readAll(t, master)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v: %q", script, err, shown)
	}
	return shown
}

// openTerminal returns both sides of a new pseudo-terminal: pty(7).
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// readAll reads what went to a terminal until nobody has it open any more,
// which is EIO.
func readAll(t *testing.T, master *os.File) string {
	t.Helper()
	b, err := io.ReadAll(master)
	if err != nil && !errors.Is(err, unix.EIO) {
		t.Fatal(err)
	}
	return string(b)
}
