// The programs that these tests take snapshots of.

package process

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"snappipe/kernel"
	"snappipe/kernel/process/world"

	"golang.org/x/sys/unix"
)

// A target is a C program that sets something up, prints a line, and waits.
// prologue is what all of them begin with.
const prologue = `
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void must(long ok, const char *what) {
	if (ok < 0) {
		printf("%s: %s\n", what, strerror(errno));
		exit(1);
	}
}
#define MUST(x) must((long)(x), #x)
#define ANON(size, how) mmap(0, size, PROT_READ | PROT_WRITE, how | MAP_ANONYMOUS, -1, 0)

static void *idle(void *arg) { for (;;) pause(); }
static void *aloof(void *arg) { MUST(unshare((long)arg)); return idle(0); }
// Writes generation after generation over 16 MiB.
static void *writer(void *arg) {
	for (uint64_t g = 1;; g++)
		for (size_t i = 0; i < (16 << 20) / 8; i += 8)
			((volatile uint64_t *)arg)[i] = g;
}
// Writes generation after generation to the start of a file.
static void *rewriter(void *file) {
	for (uint64_t g = 1;; g++)
		MUST(pwrite((long)file, &g, sizeof g, 0));
}
// Has a descriptor by one number, and then by another.
static void *mover(void *kept) {
	for (;;) {
		MUST(dup2((long)kept, 31)); MUST(close(30)); usleep(700);
		MUST(dup2((long)kept, 30)); MUST(close(31)); usleep(700);
	}
}
static void setup(void);
int main(void) {
	close_range(3, ~0u, 0);
	setup();
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
`

// start runs a target whose function setup has the given body, and returns its
// process ID once it is set up.
func start(t *testing.T, body string) int {
	t.Helper()
	return startIn(t, 0, body)
}

// startIn runs it in new namespaces.
func startIn(t *testing.T, namespaces uintptr, body string) int {
	t.Helper()
	dir := t.TempDir()
	source, bin := filepath.Join(dir, "target.c"), filepath.Join(dir, "target")
	text := prologue + "static void setup(void) {\n" + body + "\n}\n"
	if err := os.WriteFile(source, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-w", "-pthread", "-o", bin, source).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	cmd := exec.Command(bin)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Kill(cmd.Process.Pid, unix.SIGCONT)
		cmd.Process.Kill()
		cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if line != "ready\n" {
		t.Fatalf("the target says %q, %v", line, err)
	}
	return cmd.Process.Pid
}

// snapshot opens the kernel of a process and takes its image.
func snapshot(t *testing.T, pid int, o kernel.Options) (kernel.Image, error) {
	t.Helper()
	if o.Report == nil {
		o.Report = func(line string) { t.Log(line) }
	}
	if o.Warn == nil {
		o.Warn = o.Report
	}
	k := &target{pid, o}
	return k.SnapshotSystem(context.Background())
}

// decode takes a snapshot and returns what it says of the process, with the
// image to read from.
func decode(t *testing.T, pid int, o kernel.Options) (*world.World, kernel.Image) {
	t.Helper()
	live, err := snapshot(t, pid, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := live.Close(); err != nil {
			t.Errorf("closing the image: %v", err)
		}
	})
	return decodeImage(t, live), live
}

// decodeImage returns what an image says of the process.
func decodeImage(t *testing.T, live kernel.Image) *world.World {
	t.Helper()
	prefix := make([]byte, world.PrefixSize)
	if _, err := live.ReadAt(prefix, 0); err != nil {
		t.Fatal(err)
	}
	n, err := world.HeaderSize(prefix)
	if err != nil {
		t.Fatal(err)
	}
	header := make([]byte, n)
	if _, err := live.ReadAt(header, 0); err != nil {
		t.Fatal(err)
	}
	img, err := world.Decode(header, live.Size())
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// read returns n bytes of the process's memory as the image has them.
func read(t *testing.T, img *world.World, live kernel.Image, addr world.Hex, n int) []byte {
	t.Helper()
	v := mapping(t, img, addr)
	if v.ImageSize == 0 {
		t.Fatalf("nothing is stored of %x-%x", v.Start, v.End)
	}
	b := make([]byte, n)
	if _, err := live.ReadAt(b, v.ImageOffset+int64(addr-v.Start)); err != nil {
		t.Fatal(err)
	}
	return b
}

// mapping is the one that an address is in.
func mapping(t *testing.T, img *world.World, addr world.Hex) *world.VMA {
	t.Helper()
	for i := range img.Spaces[0].VMAs {
		if v := &img.Spaces[0].VMAs[i]; addr >= v.Start && addr < v.End {
			return v
		}
	}
	t.Fatalf("%x is not mapped", addr)
	return nil
}

// content returns a Content of the image.
func content(t *testing.T, img *world.World, live kernel.Image, i int) string {
	t.Helper()
	if i == world.NoIndex {
		t.Fatal("there is no content")
	}
	b := make([]byte, img.Contents[i].Size)
	if _, err := live.ReadAt(b, img.Contents[i].Offset); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// open returns what a descriptor refers to.
func openAs(t *testing.T, img *world.World, fd int) *world.OpenFile {
	t.Helper()
	for _, f := range img.Tables[0].FDs {
		if f.FD == fd {
			return &img.Open[f.Open]
		}
	}
	t.Fatalf("fd %d is not in the image", fd)
	return nil
}
