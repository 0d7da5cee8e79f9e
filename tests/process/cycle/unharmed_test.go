// What a snapshot may not change is seen where it changes.

package cycle

import (
	"strings"
	"testing"
)

// changes are what a program does to itself, by where that shows.
var changes = map[string]string{
	"option 42 of level 1": "a.setsockopt(socket.SOL_SOCKET, 42, 5)", // SO_PEEK_OFF
	"FIONREAD":             "b.send(b'x')",
	"ready for":            "b.send(b'x')",
	"F_GETFL":              "a.setblocking(False)",
	"F_GETOWN_EX":          "fcntl.fcntl(a, fcntl.F_SETOWN, os.getpid())",
	"F_GETPIPE_SZ":         "fcntl.fcntl(r, 1031, 8192)",
	"Max core file size":   "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))",
	"SigBlk":               "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])",
	"VmFlags":              "m.madvise(mmap.MADV_DONTFORK)",
	"19: ":                 "os.nice(3)", // of proc_pid_stat(5)
	"cwd":                  "os.chdir('/')",
	"timerslack_ns":        "open('/proc/self/timerslack_ns', 'w').write('1000')",
	"pos:":                 "f.seek(3)",
}

const program = `
import fcntl, mmap, os, resource, signal, socket, sys, time
a, b = socket.socketpair()
r, w = os.pipe()
m = mmap.mmap(-1, 4096)
f = open(sys.argv[0])
home = os.getcwd()
open('ready', 'w')
while not os.path.exists(home + '/go'): time.sleep(.01)
exec(sys.argv[1])
open(home + '/done', 'w')
time.sleep(1000)
`

func TestChanges(t *testing.T) {
	Need(t, "python3")
	for where, change := range changes {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			s := NewStage(t, Users()[0])
			s.Write(t, "program", program)
			p := s.Start(t, "python3", s.Path("program"), change)
			s.Await(t, p, "ready")
			before := Look(t, p.PID)
			s.Write(t, "go", "")
			s.Await(t, p, "done")
			if found := before.Changes(Look(t, p.PID)); !strings.Contains(found, where) {
				t.Errorf("after %s it does not say %q: %s", change, where, found)
			}
		})
	}
}
