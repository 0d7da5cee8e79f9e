// /proc/PID/timers: the timers of timer_create(2); see proc_pid_timers(5).

package proc

import (
	"strconv"
	"strings"
)

// Timer is one of them. What it is set to is not shown there.
type Timer struct {
	ID     int
	Signal int
	SigVal uint64
	Notify int // SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD_ID
	TID    int // for SIGEV_THREAD_ID
	Clock  int
}

// sigevThreadID is the flag that the kernel shows as "/tid.".
const sigevThreadID = 4

// Timers reads them.
func Timers(pid int) ([]Timer, error) {
	b, err := read(pid, "timers")
	if err != nil {
		return nil, err
	}
	var all []Timer
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		if name == "ID" {
			id, _ := strconv.Atoi(value)
			all = append(all, Timer{ID: id})
			continue
		}
		if len(all) > 0 {
			all[len(all)-1].field(name, value)
		}
	}
	return all, nil
}

func (t *Timer) field(name, value string) {
	switch name {
	case "signal": // "60/0000000000a683f0"
		sig, val, _ := strings.Cut(value, "/")
		t.Signal, _ = strconv.Atoi(sig)
		t.SigVal, _ = strconv.ParseUint(strings.TrimPrefix(val, "0x"), 16, 64)
	case "notify": // "signal/pid.2634", "thread/tid.2635", "none/pid.2634"
		kind, target, _ := strings.Cut(value, "/")
		t.Notify = map[string]int{"signal": 0, "none": 1, "thread": 2}[kind]
		if tid, ok := strings.CutPrefix(target, "tid."); ok {
			t.Notify |= sigevThreadID
			t.TID, _ = strconv.Atoi(tid)
		}
	case "ClockID":
		t.Clock, _ = strconv.Atoi(value)
	}
}
