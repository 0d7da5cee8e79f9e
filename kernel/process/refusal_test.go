// What is refused when a snapshot is taken.

package process

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"snappipe/kernel"
	"snappipe/kernel/process/proc"
	"snappipe/kernel/process/world"
)

// What can't be resumed is refused by name, and the program goes on.
func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name, setup string
		object      string // in what is named
		reason      string
		lost        string // what --force makes of it, or "" if it doesn't help
	}{
		{"a TCP connection", `
			int l = socket(AF_INET, SOCK_STREAM, 0);
			struct sockaddr_in in = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
			socklen_t n = sizeof in;
			MUST(bind(l, (void *)&in, sizeof in));
			MUST(listen(l, 1));
			MUST(getsockname(l, (void *)&in, &n));
			int c = socket(AF_INET, SOCK_STREAM, 0);
			MUST(connect(c, (void *)&in, sizeof in));
			MUST(accept(l, 0, 0));
			if (!fork()) {
				signal(SIGHUP, SIG_DFL); prctl(PR_SET_PDEATHSIG, SIGKILL);
				setsid(); if (fork()) _exit(0);
				char b; close(3); close(5); read(c, &b, 1); _exit(0);
			}
			wait(0); close(c);`,
			"fd 5, a TCP connection to 127.0.0.1:", "outside", "a TCP connection"},
		{"a unix socket to elsewhere", `
			int s[2];
			MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
			if (!fork()) {
				signal(SIGHUP, SIG_DFL); prctl(PR_SET_PDEATHSIG, SIGKILL);
				setsid(); if (fork()) _exit(0);
				char c; close(s[0]); read(s[1], &c, 1); _exit(0);
			}
			wait(0); close(s[1]);`,
			"fd 3, a unix socket", "outside", "a unix socket"},
		{"netlink", `MUST(socket(AF_NETLINK, SOCK_RAW, 0));`,
			"fd 3, a socket of address family 16", "family", "a socket of address family 16"},
		{"a file of /proc", `MUST(open("/proc/self/status", O_RDONLY));`,
			"fd 3, /proc/", "about a process", "/proc/"},
		{"a message queue", `
			MUST(mq_open("/snappipe-test", O_RDWR | O_CREAT, 0600, 0));
			MUST(mq_unlink("/snappipe-test"));`,
			"fd 3, the message queue", "not in the program", "the message queue"},
		{"asynchronous I/O", `
			static unsigned long ring;
			MUST(syscall(SYS_io_setup, 1, &ring));`,
			"/[aio]", "asynchronous", ""},
		{"a large deleted file", `
			int f = open("large", O_RDWR | O_CREAT, 0600);
			MUST(unlink("large"));
			MUST(ftruncate(f, 2L << 30));`,
			"fd 3, the deleted file", "more than", "the deleted file"},
		{"io_uring", `
			struct io_uring_params p = {0};
			MUST(syscall(SYS_io_uring_setup, 1, &p));`,
			"fd 3, anon_inode:[io_uring]", "can't be put back", ""},
		{"userfaultfd", `MUST(syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY));`,
			"fd 3, anon_inode:[userfaultfd]", "can't be put back", ""},
		{"a thread that no fork has", `
			uintptr_t thread = (uintptr_t)__builtin_thread_pointer() & ~4095ul;
			MUST(madvise((void *)thread, 2 * 4096, MADV_DONTFORK));`,
			"target", "can't run: SIGSEGV", ""},
		{"a program that traces", `
			pid_t c = fork();
			if (!c) { prctl(PR_SET_PDEATHSIG, SIGKILL); for (;;) pause(); }
			MUST(ptrace(PTRACE_SEIZE, c, 0, 0));`,
			"target", "it is tracing", ""},
		{"a network namespace", `MUST(unshare(CLONE_NEWUSER | CLONE_NEWNET));`,
			"target", "it is in another network namespace", ""},
		{"a user namespace", `MUST(unshare(CLONE_NEWUSER));`,
			"target", "it is in another user namespace", ""},
		{"a PID namespace for children", `MUST(unshare(CLONE_NEWPID | (geteuid() ? CLONE_NEWUSER : 0)));`,
			"target", "its children in another PID namespace", ""},
		{"a thread with files of its own", `
			pthread_t t;
			MUST(-pthread_create(&t, 0, aloof, (void *)CLONE_FILES));
			usleep(50000);`,
			"target", "does not share the open files", ""},
		{"a thread with a directory of its own", `
			pthread_t t;
			MUST(-pthread_create(&t, 0, aloof, (void *)CLONE_FS));
			usleep(50000);`,
			"target", "does not share the working directory", ""},
		{"seccomp", `
			struct sock_filter f[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
			struct sock_fprog p = {1, f};
			MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
			MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p));`,
			"target", "seccomp", ""},
		{"no working directory", `
			MUST(mkdir("w", 0700)); MUST(chdir("w")); MUST(rmdir("../w"));`,
			"target", "working directory", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			pid := start(t, test.setup)
			live, err := snapshot(t, pid, kernel.Options{})
			if err == nil {
				live.Close()
				t.Fatal("it was taken")
			}
			refused(t, err, test.object, test.reason)
			goesOn(t, pid)
			if test.lost != "" {
				forced(t, pid, test.lost)
			}
		})
	}
}

// refused checks that an error is a refusal of the right thing.
func refused(t *testing.T, err error, object, reason string) {
	t.Helper()
	var r *kernel.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("not a refusal: %v", err)
	}
	if !strings.Contains(r.Object, object) || !strings.Contains(r.Reason, reason) {
		t.Errorf("refused is %q, because %q", r.Object, r.Reason)
	}
}

// forced checks that what was refused is dropped by force, and said to be.
func forced(t *testing.T, pid int, lost string) {
	t.Helper()
	told := false
	o := kernel.Options{Force: true, Warn: func(line string) {
		told = told || strings.HasPrefix(line, "dropped: ") && strings.Contains(line, lost)
	}}
	img, _ := decode(t, pid, o)
	found := false
	for i := range img.Open {
		found = found || img.Open[i].Kind == world.KindLost && strings.Contains(img.Open[i].Lost.What, lost)
	}
	if !told || !found {
		t.Errorf("by force: told %v, in the image %v", told, found)
	}
}

// goesOn checks that nobody traces a process, and that it sleeps.
func goesOn(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		s, err := proc.ReadStatus(pid)
		if err != nil {
			t.Fatal(err)
		}
		if s.Int("TracerPid") == 0 && strings.HasPrefix(s.Get("State"), "S") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it is in state %s, traced by %s", s.Get("State"), s.Get("TracerPid"))
		}
	}
}

// A filter that kills whoever forks does no harm where root suspends it.
func TestSeccompByForce(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can suspend seccomp")
	}
	pid := start(t, `
		struct sock_filter f[] = {
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 1),
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
		struct sock_fprog p = {4, f};
		MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p));`)
	img, _ := decode(t, pid, kernel.Options{Force: true})
	if img.Tasks[0].Seccomp != 2 {
		t.Errorf("seccomp mode %d", img.Tasks[0].Seccomp)
	}
	goesOn(t, pid)
}

func TestNoSuchProcess(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	_, err := snapshot(t, cmd.Process.Pid, kernel.Options{})
	refused(t, err, "process", "no such process")
}

func TestKernelThread(t *testing.T) {
	if s, err := proc.ReadStat(2); err != nil || s.Comm != "kthreadd" {
		t.Skip("there are no kernel threads in this PID namespace")
	}
	_, err := snapshot(t, 2, kernel.Options{}) // kthreadd(2)
	refused(t, err, "process 2", "kernel thread")
}

// A limit on processes keeps the program from forking: that is said, and
// nothing else happens.
func TestCannotFork(t *testing.T) {
	pid := start(t, `
		if (geteuid() == 0) MUST(setresuid(65534, 65534, 65534));
		MUST(prctl(PR_SET_DUMPABLE, 1));
		struct rlimit r = {1, 1};
		MUST(setrlimit(RLIMIT_NPROC, &r));`)
	_, err := snapshot(t, pid, kernel.Options{})
	refused(t, err, "target", "it may not have a child")
	goesOn(t, pid)
}

// What helps is said, where something does.
func TestAdvice(t *testing.T) {
	for advice, setup := range map[string]string{
		"--innodb-use-native-aio=0": `
			static unsigned long ring;
			MUST(syscall(SYS_io_setup, 1, &ring));`,
		"end the debugger": `
			pid_t c = getpid();
			if (!fork()) { prctl(PR_SET_PDEATHSIG, SIGKILL); ptrace(PTRACE_SEIZE, c, 0, 0); for (;;) pause(); }
			usleep(50000);`,
	} {
		_, err := snapshot(t, start(t, setup), kernel.Options{})
		var r *kernel.Refusal
		if !errors.As(err, &r) || !strings.Contains(r.Hint(), advice) {
			t.Errorf("nothing is said of %s: %v", advice, err)
		}
	}
}
