// A virtual machine, from power on to power off.

package vm

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Config is what a machine is made of.
type Config struct {
	Memory int      // MiB
	CPUs   int      // one if 0
	CPU    string   // model, as QEMU names it
	Disks  []string // image files: /dev/vda, /dev/vdb, ...
	Bus    string   // "nvme" or "ahci", whose disks have other names; virtio if empty
	Kernel Kernel   // Debian's if empty
	Initrd string   // one with the tools and a shell if empty
	Append string   // to the kernel's command line
	Args   []string // further ones to QEMU

	Patience time.Duration // how long it may take for anything; patience if 0
}

// ready is what init.sh says when it obeys.
var ready = regexp.MustCompile("==ready==\n")

// Machine is one that runs.
type Machine struct {
	t        testing.TB
	qemu     *exec.Cmd
	console  *console
	patience time.Duration
	grumble  *bytes.Buffer // what QEMU itself had to say, once it is gone
	gone     chan struct{}
}

// patience is how long a guest may take for anything, if it is not said:
// emulated, on a busy host.
const patience = 10 * time.Minute

// Require skips a test where there can be no virtual machines, or only what
// is short is to run.
func Require(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skipf("SKIPPED %s: virtual machines take minutes, and -short is set", t.Name())
	}
	for _, tool := range []string{qemuBinary, busybox, "mkfs.ext4", "dpkg", "apt-get"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED %s: there is no %s; on Debian, tests/setup installs it", t.Name(), tool)
		}
	}
}

// Times is how often something is done: more often where there is time.
func Times(few, many int) int {
	if os.Getenv("SNAPPIPE_VM") == "" {
		return few
	}
	return many
}

// RequireTime is Require for what takes too long to be tried with every
// change.
func RequireTime(t testing.TB) {
	t.Helper()
	if os.Getenv("SNAPPIPE_VM") == "" {
		t.Skipf("SKIPPED %s: it takes long, so only `make test-vm` and `make test-kernel` run it", t.Name())
	}
	Require(t)
}

const (
	qemuBinary = "qemu-system-x86_64"
	busybox    = "/bin/busybox"
)

// Start boots a machine and returns when it obeys. The machine goes off with
// the test.
func Start(t testing.TB, c Config) *Machine {
	t.Helper()
	if accelerator(t) == emulation {
		return startEmulated(t, func() *Machine { return Boot(t, c) })
	}
	m := Boot(t, c)
	m.booted(t)
	return m
}

// booted waits until the machine obeys.
func (m *Machine) booted(t testing.TB) {
	t.Helper()
	if _, _, err := m.console.expect(ready, m.patience); err != nil {
		t.Fatal(err)
	}
}

// Boot is Start for a machine that may not get that far, since it resumes
// another.
func Boot(t testing.TB, c Config) *Machine {
	t.Helper()
	if c.Kernel.Image == "" {
		c.Kernel = Debian(t)
	}
	if c.Initrd == "" {
		c.Initrd = initramfs(t, c.Kernel, c.Bus)
	}
	return boot(t, c, accelerator(t))
}

// inWords is a processor for which the kernel clears pages and copies in words. What is
// emulated does bytes one by one: where there had been code, clearing one page took minutes.
const inWords = "max,-erms,-fsrm"

// boot starts QEMU.
func boot(t testing.TB, c Config, accel string) *Machine {
	t.Helper()
	cpu := c.CPU
	switch {
	case cpu == "" && accel == emulation:
		cpu = inWords
	case cpu == "":
		cpu = "max"
	}
	args := []string{"-M", "q35", "-accel", accel, "-cpu", cpu,
		"-m", strconv.Itoa(c.Memory), "-smp", strconv.Itoa(max(1, c.CPUs)),
		"-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio",
		"-kernel", c.Kernel.Image, "-initrd", c.Initrd,
		"-append", strings.TrimSpace("console=ttyS0 panic=-1 quiet no_timer_check " + c.Append)}
	for i, disk := range c.Disks {
		args = append(args, "-drive", fmt.Sprintf("file=%s,if=none,id=disk%d,format=raw", strings.ReplaceAll(disk, ",", ",,"), i),
			"-device", fmt.Sprintf(buses[c.Bus].device, i))
	}
	q := exec.Command(qemuBinary, append(args, c.Args...)...)
	q.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := q.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := q.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	grumble := new(bytes.Buffer)
	q.Stderr = grumble
	if err := q.Start(); err != nil {
		t.Fatal(err)
	}
	m := &Machine{t: t, qemu: q, console: newConsole(in, out), patience: cmp.Or(c.Patience, patience), grumble: grumble, gone: make(chan struct{})}
	go func() {
		q.Wait() // how it ended shows in what the guest said before
		close(m.gone)
	}()
	t.Cleanup(func() {
		m.Kill()
		if t.Failed() {
			t.Logf("the console:\n%s\nQEMU: %s", m.console.tail(), grumble)
		}
	})
	return m
}

// Job is a command that a guest runs in the foreground. In a machine that is
// resumed, it is still the one it was in the machine that was saved.
type Job struct {
	id      int64
	command string
}

var jobs atomic.Int64

// Begin starts a command, one line of shell. Those that came before have ended.
func (m *Machine) Begin(command string) Job {
	m.t.Helper()
	j := Job{jobs.Add(1), command}
	if _, err := fmt.Fprintf(m.console.in, "%d %s\n", j.id, command); err != nil {
		m.t.Fatalf("%s: %v", command, err)
	}
	return j
}

// End waits for a command, and returns what it said and its exit status.
func (m *Machine) End(j Job) (output string, status int) {
	m.t.Helper()
	before, match, err := m.console.expect(regexp.MustCompile(fmt.Sprintf(`==end-%d-(\d+)==\n`, j.id)), m.patience)
	if err != nil {
		m.t.Fatalf("%s: %v", j.command, err)
	}
	status, err = strconv.Atoi(match[1])
	if err != nil {
		m.t.Fatal(err)
	}
	return before, status
}

// Resume runs a command that ends this machine and resumes the one in which j,
// or another of those given, was begun. It returns, when j has ended there,
// what j said and its exit status.
func (m *Machine) Resume(command string, j Job, or ...Job) (output string, status int) {
	m.t.Helper()
	mine := m.Begin(command)
	ids := fmt.Sprintf("%d|%d", mine.id, j.id)
	for _, other := range or {
		ids += fmt.Sprintf("|%d", other.id)
	}
	re := regexp.MustCompile(fmt.Sprintf(`==end-(%s)-(\d+)==\n`, ids))
	before, match, err := m.console.expect(re, m.patience)
	if err != nil {
		m.t.Fatalf("%s: %v", command, err)
	}
	if match[1] == strconv.FormatInt(mine.id, 10) {
		m.t.Fatalf("%s did not resume: exit status %s\n%s", command, match[2], before)
	}
	status, err = strconv.Atoi(match[2])
	if err != nil {
		m.t.Fatal(err)
	}
	return before, status
}

// Try runs a command and returns what it said and its exit status.
func (m *Machine) Try(command string) (output string, status int) {
	m.t.Helper()
	return m.End(m.Begin(command))
}

// Run runs a command that has to succeed, and returns what it said.
func (m *Machine) Run(command string) string {
	m.t.Helper()
	out, status := m.Try(command)
	if status != 0 {
		m.t.Fatalf("%s: exit status %d\n%s", command, status, out)
	}
	return out
}

// Saved waits for a command that saves the machine, and has to end well.
func (m *Machine) Saved(j Job) {
	m.t.Helper()
	if out, status := m.End(j); status != 0 {
		m.t.Fatalf("save: exit status %d\n%s", status, out)
	}
}

// PowerOff turns the machine off without a word to any file system.
func (m *Machine) PowerOff() {
	m.t.Helper()
	m.Begin("poweroff -f")
	m.Off()
}

// Off waits until the machine is off.
func (m *Machine) Off() {
	m.t.Helper()
	select {
	case <-m.gone:
	case <-time.After(m.patience):
		m.t.Fatal("the machine does not go off")
	}
}

// signal sends QEMU itself one.
func (m *Machine) signal(s os.Signal) {
	m.t.Helper()
	if err := m.qemu.Process.Signal(s); err != nil {
		m.t.Fatal(err)
	}
}

// Kill cuts the power.
func (m *Machine) Kill() {
	m.qemu.Process.Kill()
	<-m.gone
}
