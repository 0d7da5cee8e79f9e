// Servers of several processes.

package real

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/tests/process/cycle"
)

// webServer is a server that answers GET / with "hello" at an address.
type webServer struct {
	needs   string
	command func(t *testing.T, s *cycle.Stage, address string) []string
	reload  os.Signal // what has it read its configuration again, or nil
	quit    os.Signal
	status  int // with which it quits
}

// serves has a server go on twice, and do then what its master is for: have others in
// the place of its workers, and end with them.
func serves(t *testing.T, w webServer) {
	cycle.Need(t, w.needs)
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		address := freeAddress(t)
		command := w.command(t, s, address)
		p := s.Start(t, command[0], command[1:]...)
		pid := p.PID
		answers(t, s, p, address)
		for range 2 {
			p, pid = again(t, s, p, pid)
			answers(t, s, p, address)
		}
		if w.reload != nil {
			workers := cycle.Children(pid)
			p.Signal(t, w.reload)
			cycle.Until(t, "other workers", func() bool {
				now := cycle.Children(pid)
				return p.Ended() || len(now) > 0 && !contain(now, workers)
			})
			answers(t, s, p, address)
		}
		p.Signal(t, w.quit)
		if status := p.Status(t); status != w.status {
			t.Errorf("it quits with status %d\n%s%s", status, p.Text(), s.Read(t, "output"))
		}
	})
}

// again replaces what runs as pid, which p has started, by what is resumed of it.
func again(t *testing.T, s *cycle.Stage, p *cycle.Process, pid int) (*cycle.Process, int) {
	t.Helper()
	id := cycle.InnerID(pid)
	p = anew(t, s, p, pid)
	return p, cycle.Innermost(t, p, id)
}

// againAlone is again for a program of one process, which may get another ID.
func againAlone(t *testing.T, s *cycle.Stage, p *cycle.Process, pid int) (*cycle.Process, int) {
	t.Helper()
	p = anew(t, s, p, pid)
	return p, cycle.Program(t, p)
}

// anew takes a program, kills it and returns the snapresume that resumes it.
func anew(t *testing.T, s *cycle.Stage, p *cycle.Process, pid int) *cycle.Process {
	t.Helper()
	if r := s.Snapshot(t, pid); !r.OK() {
		t.Fatalf("no snapshot: status %d, %s\n%s", r.Status, r.Text, s.Read(t, "output"))
	}
	p.Kill()
	return s.Resume(t)
}

func contain(all, some []int) bool {
	return slices.ContainsFunc(some, func(pid int) bool { return slices.Contains(all, pid) })
}

// answers asks a server until it has answered several times in a row.
func answers(t *testing.T, s *cycle.Stage, p *cycle.Process, address string) {
	t.Helper()
	said, good := "", 0
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	cycle.Until(t, "an answer of "+p.String(), func() bool {
		said = get(client, address)
		if good++; said != "hello" {
			good = 0
		}
		return good >= 8 || p.Ended()
	})
	if p.Ended() {
		t.Fatalf("%v has ended, and said last %q\n%s%s", p, said, p.Text(), s.Read(t, "output"))
	}
}

func get(client *http.Client, address string) string {
	r, err := client.Get("http://" + address + "/")
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b))
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestNginx(t *testing.T) {
	serves(t, webServer{needs: "nginx", reload: unix.SIGHUP, quit: unix.SIGQUIT, command: func(t *testing.T, s *cycle.Stage, address string) []string {
		s.Write(t, "index.html", "hello\n")
		s.Write(t, "nginx.conf", fmt.Sprintf(`
			daemon off; worker_processes 2; pid %[1]s/pid; error_log stderr;
			events { worker_connections 64; }
			http {
				access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
				uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
				server { listen %[2]s; root %[1]s; }
			}`, s.Dir, address))
		return []string{"nginx", "-e", "stderr", "-p", s.Dir, "-c", s.Path("nginx.conf")}
	}})
}

func apache(mpm, how string) func(t *testing.T, s *cycle.Stage, address string) []string {
	return func(t *testing.T, s *cycle.Stage, address string) []string {
		s.Write(t, "index.html", "hello\n")
		s.Write(t, "apache.conf", fmt.Sprintf(`
			LoadModule mpm_%[3]s_module /usr/lib/apache2/modules/mod_mpm_%[3]s.so
			LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
			LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
			ServerRoot %[1]s
			ServerName localhost
			DefaultRuntimeDir %[1]s
			PidFile %[1]s/pid
			ErrorLog %[1]s/error.log
			Listen %[2]s
			DocumentRoot %[1]s
			DirectoryIndex index.html
			StartServers 2
			User nobody
			Group nogroup
			%[4]s
			`, s.Dir, address, mpm, how))
		return []string{"apache2", "-X", "-f", s.Path("apache.conf")}
	}
}

func TestApachePrefork(t *testing.T) {
	serves(t, webServer{needs: "apache2", reload: unix.SIGUSR1, quit: unix.SIGTERM, command: foreground(apache("prefork", "MinSpareServers 2\nMaxSpareServers 3"))})
}

func TestApacheEvent(t *testing.T) {
	serves(t, webServer{needs: "apache2", reload: unix.SIGUSR1, quit: unix.SIGTERM, command: foreground(apache("event", "ThreadsPerChild 4\nMaxRequestWorkers 16\nMinSpareThreads 4\nMaxSpareThreads 12"))})
}

// foreground has apache2 stay with who started it, but work with children.
func foreground(command func(t *testing.T, s *cycle.Stage, address string) []string) func(t *testing.T, s *cycle.Stage, address string) []string {
	return func(t *testing.T, s *cycle.Stage, address string) []string {
		c := command(t, s, address)
		c[1] = "-DFOREGROUND"
		return c
	}
}

func TestGunicorn(t *testing.T) {
	serves(t, webServer{needs: "gunicorn", reload: unix.SIGHUP, quit: unix.SIGTERM, command: func(t *testing.T, s *cycle.Stage, address string) []string {
		s.Write(t, "hello.py", "def app(environ, start):\n    start('200 OK', [('Content-Type', 'text/plain')])\n    return [b'hello']\n")
		return []string{"gunicorn", "--no-sendfile", "-w", "2", "-b", address, "--chdir", s.Dir, "hello:app"}
	}})
}

func TestHAProxy(t *testing.T) {
	serves(t, webServer{needs: "haproxy", reload: unix.SIGUSR2, quit: unix.SIGTERM, command: func(t *testing.T, s *cycle.Stage, address string) []string {
		s.Write(t, "haproxy.conf", fmt.Sprintf("global\n nbthread 2\n insecure-fork-wanted\ndefaults\n mode http\n timeout client 20s\n timeout connect 5s\n timeout server 5s\n"+
			"frontend f\n bind %s\n http-request return status 200 content-type text/plain string hello\n", address))
		return []string{"haproxy", "-W", "-f", s.Path("haproxy.conf")}
	}})
}

// removeSegment has the shared memory of a database go at the end of the test: where it
// is resumed in a namespace, the first one stays behind. The file postmaster.pid has its
// ID at the end of its seventh line.
func removeSegment(t *testing.T, s *cycle.Stage) {
	t.Helper()
	lines := strings.Split(s.Read(t, "data/postmaster.pid"), "\n")
	if len(lines) < 7 {
		t.Fatalf("postmaster.pid has %d lines", len(lines))
	}
	var key, id int
	if _, err := fmt.Sscan(lines[6], &key, &id); err != nil {
		t.Fatalf("postmaster.pid: %v", err)
	}
	t.Cleanup(func() {
		if _, err := unix.SysvShmCtl(id, unix.IPC_RMID, nil); err != nil && err != unix.EINVAL && err != unix.EIDRM {
			t.Error(err)
		}
	})
}

// A database has a session within the tree, with a transaction that is under way, and
// others come from outside.
func TestPostgres(t *testing.T) {
	bin, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(bin) == 0 {
		t.Skip("postgres is not installed")
	}
	cycle.Need(t, "setpriv")
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		if os.Getuid() == 0 { // as which it does not run
			if err := os.Chown(s.Dir, 65534, 65534); err != nil {
				t.Fatal(err)
			}
		}
		var as []string
		if s.User == cycle.Root {
			as = []string{"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"}
		}
		command := func(args ...string) *exec.Cmd {
			args = append(as, args...)
			cmd := s.Command(args[0], args[1:]...)
			cmd.Env = append(cmd.Env, "PATH="+bin[len(bin)-1]+":"+os.Getenv("PATH"), "PGHOST="+s.Dir, "PGDATABASE=postgres", "PGUSER=postgres", "LC_ALL=C")
			return cmd
		}
		if out, err := command("initdb", "-D", s.Path("data"), "-A", "trust", "-N", "-U", "postgres").CombinedOutput(); err != nil {
			t.Fatalf("initdb: %v\n%s", err, out)
		}
		ask := func(query string) string {
			out, err := command("psql", "-XAtqc", query).CombinedOutput()
			if err != nil {
				return fmt.Sprint(err, ": ", string(out))
			}
			return strings.TrimSpace(string(out))
		}
		p := s.Launch(t, command("bash", script(t, s, "database.sh"), s.Dir))
		pid := p.PID
		cycle.Until(t, "the session", func() bool { return strings.Contains(s.Read(t, "answers"), "begun") || p.Ended() })
		removeSegment(t, s)
		say := func(text string) {
			f, err := os.OpenFile(s.Path("commands"), os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			fmt.Fprintln(f, text)
		}
		for i := range 2 {
			if got := ask(fmt.Sprintf("insert into numbers values (%d) returning n", 100+i)); got != fmt.Sprint(100+i) {
				t.Fatalf("from outside: %s\n%s", got, s.Read(t, "output"))
			}
			p, pid = again(t, s, p, pid)
			if got := ask("select count(*) from numbers where n >= 100"); got != fmt.Sprint(i+1) {
				t.Fatalf("from outside, after it was resumed: %s\n%s%s", got, p.Text(), s.Read(t, "output"))
			}
			say(fmt.Sprintf("insert into mine values (%d); select 'mine has ' || count(*) from mine;", i))
			cycle.Until(t, "the session to go on", func() bool {
				return strings.Contains(s.Read(t, "answers"), fmt.Sprintf("mine has %d", i+1)) || p.Ended()
			})
		}
		if got := ask("select count(*) from numbers where n = 1"); got != "0" {
			t.Errorf("what is not committed: %s", got)
		}
		say("commit; select 'committed'; checkpoint; \\q")
		cycle.Until(t, "the end of the session", func() bool { return strings.Contains(s.Read(t, "answers"), "committed") || p.Ended() })
		if status := p.Status(t); status != 0 {
			t.Errorf("status %d\n%s%s%s", status, p.Text(), s.Read(t, "answers"), s.Read(t, "output"))
		}
		if verdict := s.Read(t, "result"); verdict != "1\n100\n101\n" {
			t.Errorf("at the end it has %q\n%s", verdict, s.Read(t, "output"))
		}
	})
}

// A database of many threads, which is told to do without asynchronous I/O.
func TestMariaDB(t *testing.T) {
	cycle.Need(t, "mariadbd", "mariadb", "mariadb-install-db")
	asEach(t, func(t *testing.T, s *cycle.Stage) {
		options := []string{"--no-defaults", "--datadir=" + s.Path("data"), "--innodb-use-native-aio=0", "--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M"}
		install := s.Command("mariadb-install-db", append(options, "--auth-root-authentication-method=normal", "--skip-test-db")...)
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("mariadb-install-db: %v\n%s", err, out)
		}
		ask := func(query string) string {
			out, err := s.Command("mariadb", "--no-defaults", "-u", "root", "-S", s.Path("socket"), "-BNe", query).CombinedOutput()
			if err != nil {
				return fmt.Sprint(err, ": ", string(out))
			}
			return strings.TrimSpace(string(out))
		}
		options = append(options, "--socket="+s.Path("socket"), "--pid-file="+s.Path("pid"), "--skip-networking")
		if s.User == cycle.Root {
			options = append(options, "--user=root")
		}
		p := s.Start(t, "mariadbd", options...)
		pid := p.PID
		cycle.Until(t, "mariadbd to answer", func() bool { return ask("select 1") == "1" || p.Ended() })
		if got := ask("create database d; create table d.numbers (n int primary key) engine=innodb"); got != "" {
			t.Fatalf("%s\n%s", got, s.Read(t, "output"))
		}
		for i := range 2 {
			if got := ask(fmt.Sprintf("insert into d.numbers values (%d)", i)); got != "" {
				t.Fatalf("%s\n%s", got, s.Read(t, "output"))
			}
			p, pid = againAlone(t, s, p, pid)
			var got string
			cycle.Until(t, "it to answer again", func() bool {
				got = ask("select count(*) from d.numbers")
				return got == fmt.Sprint(i+1) || p.Ended()
			})
			if p.Ended() {
				t.Fatalf("%s\n%s%s", got, p.Text(), s.Read(t, "output"))
			}
		}
		if got := ask("check table d.numbers; shutdown"); !strings.HasSuffix(got, "OK") {
			t.Errorf("%s", got)
		}
		if status := p.Status(t); status != 0 {
			t.Errorf("status %d\n%s%s", status, p.Text(), s.Read(t, "output"))
		}
	})
}
