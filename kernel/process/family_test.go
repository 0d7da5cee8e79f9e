// Images of several processes.

package process

import (
	"testing"

	"snappipe/kernel"
	"snappipe/kernel/process/world"
)

const family = `
	static int *shared;
	shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*shared = 42;
	int p[2];
	MUST(pipe(p));
	MUST(write(p[1], "between", 7));
	MUST(dup2(p[0], 30)); MUST(dup2(p[1], 31));
	close(p[0]); close(p[1]);
	MUST(open("/dev/null", O_RDWR));
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(30);
		MUST(setsid());
		if (!fork()) { prctl(PR_SET_PDEATHSIG, SIGKILL); for (;;) pause(); }
		if (!fork()) _exit(7);
		for (;;) pause();
	}
	if (!fork()) { raise(SIGKILL); }
	usleep(100000);`

// A process is taken with all that descends from it, each once and parents first;
// who has ended, with how; and what they share is there once.
func TestFamily(t *testing.T) {
	pid := start(t, family)
	img, live := decode(t, pid, kernel.Options{})
	tasks := img.Tasks
	if len(tasks) != 5 {
		t.Fatalf("%d processes: %+v", len(tasks), tasks)
	}
	root, child, grandchild := &tasks[0], &tasks[1], &tasks[2]
	if root.PID != pid || child.PPID != pid || grandchild.PPID != child.PID {
		t.Errorf("%d, child %d of %d, grandchild of %d", root.PID, child.PID, child.PPID, grandchild.PPID)
	}
	if child.SID != child.PID || grandchild.SID != child.PID || root.SID == child.SID {
		t.Errorf("sessions %d, %d, %d", root.SID, child.SID, grandchild.SID)
	}
	statuses := map[int]int{}
	for _, d := range tasks[3:] {
		if d.Space != world.NoIndex || len(d.Threads) > 0 {
			t.Errorf("the dead process %d has memory %d", d.PID, d.Space)
		}
		statuses[d.PPID] = d.Status
	}
	if statuses[pid] != 9 || statuses[child.PID] != 7<<8 {
		t.Errorf("statuses by parent: %v", statuses)
	}
	if len(img.Tables) != 3 || len(img.Spaces) != 3 {
		t.Fatalf("%d tables, %d spaces", len(img.Tables), len(img.Spaces))
	}
	pipe := map[int]bool{}
	for _, table := range img.Tables {
		for _, f := range table.FDs {
			if f.FD == 31 {
				pipe[f.Open] = true
			}
		}
	}
	if len(pipe) != 1 {
		t.Errorf("the writing end of the pipe is %d open files", len(pipe))
	}
	if o := openAs(t, img, 30); o.Pipe == nil || content(t, img, live, o.Pipe.Content) != "between" {
		t.Errorf("the pipe is %+v", o)
	}
	goesOn(t, pid)
}

// One process can be taken without the others.
func TestOnly(t *testing.T) {
	pid := start(t, family)
	img, _ := decode(t, pid, kernel.Options{Only: true, Force: true})
	if len(img.Tasks) != 1 {
		t.Errorf("%d processes", len(img.Tasks))
	}
}
