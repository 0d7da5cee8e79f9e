// sshd with a session: its listener, the process that serves a client elsewhere, and what
// that has started on a pseudo-terminal.

package real

import (
	"fmt"
	"os"
	"testing"

	"snappipe/tests/process/cycle"
)

const sshdConfig = `
ListenAddress 127.0.0.1
Port %s
HostKey %[2]s
AuthorizedKeysFile %[3]s.pub
StrictModes no
UsePAM no
PidFile none
`

// The server ends with its image and goes on from it, twice, and who is logged in at a
// terminal elsewhere notices a delay: the shell has its variables, and no key is lost that
// was typed meanwhile.
func TestSSHD(t *testing.T) {
	cycle.Need(t, "sshd", "ssh", "ssh-keygen", "bash")
	needFar(t)
	s := cycle.NewStage(t, cycle.Root)
	host, user, config, port := s.Path("host"), s.Path("user"), s.Path("config"), freePort(t)
	for _, key := range []string{host, user} {
		says(t, s, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
	}
	s.Write(t, "config", fmt.Sprintf(sshdConfig, port, host, user))
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // into which it locks a part of itself
		t.Fatal(err)
	}
	p := s.Start(t, "/usr/sbin/sshd", "-D", "-e", "-f", config)
	dial(t, p, "127.0.0.1", port).Close()
	terminal := cycle.NewTerminal(t, cycle.Root)
	client := cycle.Launch(t, terminal.Take(s.Command("ssh", "-F", "none", "-p", port, "-i", user, "-tt",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "root@127.0.0.1", "exec", "bash", "--norc")))
	terminal.Type(t, "kept=110; echo set $((kept+1))\r")
	terminal.Expect(t, "set 111")
	for round := range 2 {
		terminal.Type(t, "echo half a")
		terminal.Expect(t, "echo half a")
		p = killAndResume(t, s, p, round > 0)
		terminal.Forget()
		terminal.Type(t, fmt.Sprintf(" line, $((kept+%d))\r", round+2))
		terminal.Expect(t, fmt.Sprintf("half a line, %d", round+112))
	}
	terminal.Type(t, "exit 7\r")
	if status := client.Status(t); status != 7 {
		t.Errorf("the client ended with status %d\n%s", status, terminal.Text())
	}
}
