// What is in an image of each kind of state.

package process

import (
	"slices"
	"strings"
	"testing"

	"snappipe/kernel"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// Each kind of state that a process has is in the image, as it was set up.
func TestState(t *testing.T) {
	for _, test := range []struct {
		name, setup string
		check       func(t *testing.T, img *world.World, live kernel.Image)
	}{
		{"itimer", `
			struct itimerval v = {{7, 5}, {900, 0}};
			MUST(setitimer(ITIMER_REAL, &v, 0));`,
			func(t *testing.T, img *world.World, _ kernel.Image) {
				v := img.Tasks[0].ITimers[0]
				if v.Interval != 7_000_005 || v.Value <= 890e6 || v.Value > 900e6 {
					t.Errorf("%+v", v)
				}
			}},
		{"posix timers", `
			timer_t a, b;
			struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2, .sigev_value.sival_ptr = (void *)0x123456789a};
			struct sigevent n = {.sigev_notify = SIGEV_NONE};
			struct itimerspec v = {{3, 4}, {500, 0}};
			MUST(timer_create(CLOCK_MONOTONIC, &e, &a));
			MUST(timer_create(CLOCK_REALTIME, &n, &b));
			MUST(timer_settime(a, 0, &v, 0));`,
			func(t *testing.T, img *world.World, _ kernel.Image) {
				all := img.Tasks[0].Timers
				if len(all) != 2 {
					t.Fatalf("%+v", all)
				}
				slices.SortFunc(all, func(a, b world.Timer) int { return b.Notify - a.Notify })
				slices.Reverse(all)
				a, b := all[0], all[1]
				if a.Signal != int(unix.SIGUSR2) || a.SigVal != 0x123456789a || a.Clock != unix.CLOCK_MONOTONIC ||
					a.Interval != 3e9+4 || a.Value < 490e9 || a.Value > 500e9 {
					t.Errorf("the first is %+v", a)
				}
				if b.Notify != 1 || b.Value != 0 {
					t.Errorf("the second is %+v", b)
				}
			}},
		{"pending signals", `
			sigset_t s;
			sigemptyset(&s); sigaddset(&s, SIGUSR1); sigaddset(&s, SIGRTMIN);
			MUST(sigprocmask(SIG_BLOCK, &s, 0));
			union sigval v = {.sival_int = 42};
			MUST(kill(getpid(), SIGUSR1));
			MUST(pthread_sigqueue(pthread_self(), SIGRTMIN, v));
			v.sival_int = 43;
			MUST(pthread_sigqueue(pthread_self(), SIGRTMIN, v));`,
			func(t *testing.T, img *world.World, _ kernel.Image) {
				shared, own := img.Tasks[0].Pending, img.Tasks[0].Threads[0].Pending
				if len(shared) != 1 || shared[0][0] != byte(unix.SIGUSR1) {
					t.Errorf("of the process: %x", shared)
				}
				if len(own) != 2 || own[0][24] != 42 || own[1][24] != 43 {
					t.Errorf("of the thread: %x", own)
				}
				if img.Tasks[0].Threads[0].SigMask != 1<<(10-1)|1<<(34-1) {
					t.Errorf("mask %x", img.Tasks[0].Threads[0].SigMask)
				}
			}},
		{"signal actions", `
			struct sigaction a = {.sa_handler = (void *)0x1234, .sa_flags = SA_RESTART | SA_ONSTACK};
			sigaddset(&a.sa_mask, SIGHUP);
			MUST(sigaction(SIGTERM, &a, 0));
			MUST(signal(SIGPIPE, SIG_IGN));`,
			func(t *testing.T, img *world.World, _ kernel.Image) {
				// Who started the tests may have had other signals ignored.
				set := map[int]world.SigAction{}
				for _, a := range img.Tasks[0].SigActions {
					set[a.Signal] = a
				}
				pipe, term := set[int(unix.SIGPIPE)], set[int(unix.SIGTERM)]
				if pipe.Handler != 1 || term.Handler != 0x1234 || term.Mask != 1 {
					t.Errorf("%+v", set)
				}
			}},
		{"settings of the process", `
			umask(0123);
			MUST(chdir("/usr"));
			MUST(prctl(PR_SET_CHILD_SUBREAPER, 1));
			MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
			struct rlimit r = {123, 456};
			MUST(setrlimit(RLIMIT_NOFILE, &r));
			int f = open("/proc/self/oom_score_adj", O_WRONLY);
			MUST(write(f, "300", 3));
			close(f);`,
			func(t *testing.T, img *world.World, _ kernel.Image) {
				p := img.Tasks[0]
				if p.LockFuture != 0 {
					t.Errorf("it is to lock memory: %#x", p.LockFuture)
				}
				if p.Umask != 0o123 || img.Files[p.Cwd].Path != "/usr" || !p.Subreaper || !p.NoNewPrivs || p.OOMScoreAdj != 300 ||
					p.Rlimits[unix.RLIMIT_NOFILE] != (world.Rlimit{Cur: 123, Max: 456}) {
					t.Errorf("%+v", p)
				}
			}},
		{"memory to be locked", `MUST(mlockall(MCL_FUTURE));`,
			func(t *testing.T, img *world.World, _ kernel.Image) {
				if img.Tasks[0].LockFuture != unix.MCL_FUTURE {
					t.Errorf("flags %#x", img.Tasks[0].LockFuture)
				}
			}},
		{"memory to be locked once it is used", `MUST(mlockall(MCL_FUTURE | MCL_ONFAULT));`,
			func(t *testing.T, img *world.World, _ kernel.Image) {
				if img.Tasks[0].LockFuture != unix.MCL_FUTURE|4 {
					t.Errorf("flags %#x", img.Tasks[0].LockFuture)
				}
			}},
		{"settings of threads", `
			pthread_t t;
			MUST(prctl(PR_SET_TIMERSLACK, 777777));
			MUST(prctl(PR_SET_PDEATHSIG, SIGHUP));
			MUST(prctl(PR_SET_KEEPCAPS, 1));
			MUST(prctl(PR_SET_NAME, "my-name"));
			MUST(setpriority(PRIO_PROCESS, 0, 15));
			cpu_set_t one;
			CPU_ZERO(&one); CPU_SET(1, &one);
			MUST(sched_setaffinity(0, sizeof one, &one));
			struct sched_param sp = {0};
			MUST(sched_setscheduler(0, SCHED_BATCH, &sp));
			static char stack[65536];
			stack_t ss = {.ss_sp = stack, .ss_size = sizeof stack};
			MUST(sigaltstack(&ss, 0));
			MUST(-pthread_create(&t, 0, idle, 0));
			MUST(-pthread_setname_np(t, "second"));
			MUST(prctl(PR_SET_TSC, PR_TSC_SIGSEGV));`,
			func(t *testing.T, img *world.World, _ kernel.Image) {
				if len(img.Tasks[0].Threads) != 2 {
					t.Fatalf("%d threads", len(img.Tasks[0].Threads))
				}
				a, b := img.Tasks[0].Threads[0], img.Tasks[0].Threads[1]
				if a.TimerSlack != 777777 || a.PDeathSig != int(unix.SIGHUP) || a.Comm != "my-name" || a.Sched.Nice != 15 ||
					a.Sched.Policy != unix.SCHED_BATCH || !slices.Equal(a.Sched.Affinity, []int{1}) || a.AltStack.Size != 65536 || a.AltStack.SP == 0 ||
					a.SecureBits != 1<<4 || !a.NoTSC {
					t.Errorf("the first is %+v", a)
				}
				if b.Comm != "second" || b.PDeathSig != 0 || b.AltStack.Flags != 2 || b.ClearTID == 0 || b.ClearTID == a.ClearTID || b.Robust.Head == 0 ||
					b.SecureBits != 1<<4 || b.NoTSC {
					t.Errorf("the second is %+v", b)
				}
			}},
		{"files", `
			int a = open("a", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
			MUST(write(a, "0123456789", 10));
			MUST(lseek(a, 4, SEEK_SET));
			MUST(dup2(a, 20));
			MUST(flock(a, LOCK_EX));
			int d = open("/usr", O_RDONLY | O_DIRECTORY);
			MUST(dup2(d, 21));
			int n = open("/dev/zero", O_RDONLY);
			MUST(dup2(n, 22));`,
			func(t *testing.T, img *world.World, _ kernel.Image) {
				a := openAs(t, img, 20)
				if a != openAs(t, img, 3) || a.Kind != world.KindFile || a.Pos != 4 || a.Flags&unix.O_APPEND == 0 {
					t.Errorf("%+v", a)
				}
				f := img.Files[a.File]
				if !strings.HasSuffix(string(f.Path), "/a") || f.Size != 10 || f.Deleted {
					t.Errorf("%+v", f)
				}
				if len(a.Locks) != 1 || a.Locks[0].Type != "FLOCK" || !a.Locks[0].Write {
					t.Errorf("locks %+v", a.Locks)
				}
				if !img.Tables[0].FDs[3].CloseOnExec || openAs(t, img, 21).Kind != world.KindDir || openAs(t, img, 22).Kind != world.KindDevice {
					t.Errorf("%+v", img.Tables[0].FDs)
				}
			}},
		{"a deleted file", `
			int f = open("gone", O_RDWR | O_CREAT, 0600);
			MUST(unlink("gone"));
			MUST(pwrite(f, "tail", 4, 1 << 20));`,
			func(t *testing.T, img *world.World, live kernel.Image) {
				f := img.Files[openAs(t, img, 3).File]
				if got := content(t, img, live, f.Content); !f.Deleted || f.Size != 1<<20+4 || len(got) != 1<<20+4 || got[1<<20:] != "tail" {
					t.Errorf("%+v, of which %d bytes are there", f, len(got))
				}
			}},
		{"a memfd that is mapped", `
			int f = memfd_create("mine", MFD_ALLOW_SEALING);
			MUST(ftruncate(f, 8192));
			char *m = mmap((void *)0x10000000, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, f, 0);
			strcpy(m + 4096, "in memfd");
			MUST(fcntl(f, F_ADD_SEALS, F_SEAL_GROW));`,
			func(t *testing.T, img *world.World, live kernel.Image) {
				f := img.Files[openAs(t, img, 3).File]
				if !f.Memfd || f.Path != "mine" || f.Seals != unix.F_SEAL_GROW {
					t.Errorf("%+v", f)
				}
				if got := content(t, img, live, f.Content); got[4096:4104] != "in memfd" {
					t.Errorf("content %q", got[4096:4104])
				}
				if got := read(t, img, live, 0x10001000, 8); string(got) != "in memfd" {
					t.Errorf("memory %q", got)
				}
			}},
		{"shared anonymous memory", `
			char *m = mmap((void *)0x10000000, 1 << 30, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			strcpy(m + (1 << 29), "shared");`,
			func(t *testing.T, img *world.World, live kernel.Image) {
				if got := read(t, img, live, 0x10000000+1<<29, 6); string(got) != "shared" {
					t.Errorf("memory %q", got)
				}
				var data int64
				for _, n := range live.Data() {
					data += n
				}
				if data > 64<<20 {
					t.Errorf("%d bytes of data", data)
				}
			}},
		{"memory that a fork leaves out", `
			char *d = mmap((void *)0x10000000, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			char *w = mmap((void *)0x20000000, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			char *n = mmap((void *)0x30000000, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			strcpy(d, "dontfork"); strcpy(w, "wipeonfork"); strcpy(n, "protnone");
			MUST(madvise(d, 8192, MADV_DONTFORK));
			MUST(madvise(w, 8192, MADV_WIPEONFORK));
			MUST(mprotect(n, 8192, PROT_NONE));`,
			func(t *testing.T, img *world.World, live kernel.Image) {
				wiped := strings.Repeat("\x00", 10)
				for addr, want := range map[world.Hex]string{0x10000000: "dontfork", 0x20000000: wiped, 0x30000000: "protnone"} {
					if got := read(t, img, live, addr, len(want)); string(got) != want {
						t.Errorf("%x holds %q", addr, got)
					}
				}
				for _, v := range img.Spaces[0].VMAs {
					if v.Start == 0x10000000 && !strings.Contains(v.VMFlags, "dc") || v.Start == 0x20000000 && !strings.Contains(v.VMFlags, "wf") {
						t.Errorf("%x has flags %s", v.Start, v.VMFlags)
					}
				}
			}},
		{"a private mapping of a file", `
			int f = open("data", O_RDWR | O_CREAT, 0600);
			MUST(write(f, "original", 8));
			MUST(ftruncate(f, 3 * 4096 + 100));
			char *m = mmap((void *)0x10000000, 16 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, f, 0);
			close(f);
			strcpy(m + 4096, "changed");`,
			func(t *testing.T, img *world.World, live kernel.Image) {
				if got := read(t, img, live, 0x10000000, 8); string(got) != "original" {
					t.Errorf("its first page holds %q", got)
				}
				if got := read(t, img, live, 0x10001000, 7); string(got) != "changed" {
					t.Errorf("its second page holds %q", got)
				}
				for _, v := range img.Spaces[0].VMAs {
					if v.Start == 0x10000000 && (v.ImageSize != 4*4096 || len(v.Private) != 1 || v.Private[0] != (world.Run{Start: 0x10001000, End: 0x10002000})) {
						t.Errorf("%+v", v)
					}
				}
			}},
		{"a pipe inside", `
			int p[2];
			MUST(pipe2(p, O_NONBLOCK));
			MUST(fcntl(p[0], F_SETPIPE_SZ, 8192));
			MUST(write(p[1], "in the pipe", 11));`,
			func(t *testing.T, img *world.World, live kernel.Image) {
				r, w := openAs(t, img, 3), openAs(t, img, 4)
				if r.Kind != world.KindPipe || r.Pipe.Ino != w.Pipe.Ino || r.Pipe.Capacity != 8192 || r.Flags&unix.O_NONBLOCK == 0 {
					t.Errorf("%+v %+v", r.Pipe, w.Pipe)
				}
				if got := content(t, img, live, r.Pipe.Content); got != "in the pipe" {
					t.Errorf("it holds %q", got)
				}
			}},
		{"eventfd, timerfd, signalfd", `
			MUST(eventfd(77, EFD_SEMAPHORE));
			int f = timerfd_create(CLOCK_BOOTTIME, 0);
			struct itimerspec v = {{0, 5}, {600, 0}};
			MUST(timerfd_settime(f, 0, &v, 0));
			sigset_t s;
			sigemptyset(&s); sigaddset(&s, SIGUSR1);
			MUST(signalfd(-1, &s, 0));`,
			func(t *testing.T, img *world.World, _ kernel.Image) {
				if e := openAs(t, img, 3).EventFD; e == nil || e.Count != 77 || !e.Semaphore {
					t.Errorf("%+v", e)
				}
				if f := openAs(t, img, 4).TimerFD; f == nil || f.Clock != unix.CLOCK_BOOTTIME || f.Interval != 5 || f.Value < 590e9 || f.Value > 600e9 {
					t.Errorf("%+v", f)
				}
				if s := openAs(t, img, 5).SignalFD; s == nil || s.Mask != 1<<(10-1) {
					t.Errorf("%+v", s)
				}
			}},
		{"an epoll set with a file that changed its number", `
			int ep = epoll_create1(0), ev = eventfd(0, 0);
			struct epoll_event e = {EPOLLIN | EPOLLET, {.u64 = 0xfedcba9876543210}};
			MUST(epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e));
			MUST(dup2(ev, 30));
			MUST(close(ev));
			MUST(open("/dev/null", O_RDONLY));`,
			func(t *testing.T, img *world.World, _ kernel.Image) {
				w := openAs(t, img, 3).Epoll.Watches
				if len(w) != 1 || w[0].FD != 4 || &img.Open[w[0].Open] != openAs(t, img, 30) ||
					w[0].Events&unix.EPOLLIN == 0 || w[0].Data != 0xfedcba9876543210 {
					t.Errorf("%+v", w)
				}
			}},
		{"inotify", `
			int f = inotify_init();
			MUST(mkdir("watched", 0700));
			MUST(inotify_add_watch(f, "watched", IN_CREATE | IN_DELETE));`,
			func(t *testing.T, img *world.World, _ kernel.Image) {
				w := openAs(t, img, 3).Inotify
				if len(w) != 1 || w[0].WD != 1 || w[0].Mask&(unix.IN_CREATE|unix.IN_DELETE) == 0 || !strings.HasSuffix(string(img.Files[w[0].File].Path), "/watched") {
					t.Errorf("%+v", w)
				}
			}},
		{"sockets without a peer", `
			int one = 1;
			int tcp = socket(AF_INET, SOCK_STREAM, 0);
			struct sockaddr_in in = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
			MUST(setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &one, 4));
			MUST(bind(tcp, (void *)&in, sizeof in));
			MUST(listen(tcp, 77));
			int udp = socket(AF_INET6, SOCK_DGRAM, 0);
			struct sockaddr_in6 in6 = {AF_INET6};
			MUST(bind(udp, (void *)&in6, sizeof in6));
			int un = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
			struct sockaddr_un su = {AF_UNIX, "sock"};
			MUST(bind(un, (void *)&su, sizeof su));
			MUST(listen(un, 5));
			MUST(socket(AF_INET, SOCK_STREAM, 0));`,
			func(t *testing.T, img *world.World, _ kernel.Image) {
				tcp, udp, un, fresh := openAs(t, img, 3).Socket, openAs(t, img, 4).Socket, openAs(t, img, 5).Socket, openAs(t, img, 6).Socket
				if !tcp.Listening || tcp.Backlog != 77 || len(tcp.Local) != 16 || tcp.Local[4] != 127 {
					t.Errorf("TCP: %+v", tcp)
				}
				if !slices.ContainsFunc(tcp.Options, func(o world.SockOpt) bool {
					return o.Level == unix.SOL_SOCKET && o.Name == unix.SO_REUSEADDR && o.Value[0] == 1
				}) {
					t.Errorf("TCP options: %+v", tcp.Options)
				}
				if udp.Family != unix.AF_INET6 || udp.Listening || len(udp.Local) != 28 || len(udp.Remote) != 0 {
					t.Errorf("UDP: %+v", udp)
				}
				if !un.Listening || un.Backlog != 5 || !strings.HasPrefix(string(un.Local[2:]), "sock") || un.File == nil {
					t.Errorf("unix: %+v", un)
				}
				if fresh.Listening || len(fresh.Local) != 0 || len(fresh.Options) != 0 {
					t.Errorf("a new one: %+v", fresh)
				}
			}},
		{"a socket pair inside", `
			int a[2], b[2];
			MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, a));
			MUST(write(a[0], "stream ", 7));
			MUST(write(a[0], "of bytes", 8));
			MUST(shutdown(a[1], SHUT_WR));
			MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, b));
			MUST(write(b[1], "one", 3));
			MUST(write(b[1], "two", 3));`,
			func(t *testing.T, img *world.World, live kernel.Image) {
				a, b, c := openAs(t, img, 3).Socket, openAs(t, img, 4).Socket, openAs(t, img, 5).Socket
				if a.Peer != b.Ino || b.Peer != a.Ino || b.Shutdown != 2 || a.Shutdown != 1 {
					t.Errorf("%+v %+v", a, b)
				}
				if got := content(t, img, live, b.Queue[0].Content); len(b.Queue) != 1 || got != "stream of bytes" {
					t.Errorf("%d messages, %q", len(b.Queue), got)
				}
				if len(c.Queue) != 2 || content(t, img, live, c.Queue[1].Content) != "two" {
					t.Errorf("datagrams: %+v", c)
				}
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			pid := start(t, test.setup)
			img, live := decode(t, pid, kernel.Options{})
			test.check(t, img, live)
		})
	}
}
