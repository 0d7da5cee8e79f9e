// System V message queues (msgget(2)). Nobody can look at what is in one without taking
// it out, so processes that use one are refused. A queue remembers who has sent and
// received last.

package object

import (
	"fmt"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/process/sys"
)

// CheckMessages refuses the processes if they were the last to use one, or if one is in
// a namespace of their own. With force, it is left out.
func (t *Taker) CheckMessages(own bool) error {
	const msgInfo, msgStatAny = 12, 13 // include/uapi/linux/msg.h
	var st struct {                    // struct msqid64_ds of include/uapi/asm-generic/msgbuf.h
		unix.SysvIpcPerm
		_                [3]int64
		_, count, _      uint64
		sender, receiver int32
		_                [2]uint64
	}
	return everyIPC(t.root().Twin, unix.SYS_MSGCTL, msgInfo, msgStatAny, sys.Bytes(&st), func(id int) error {
		if !own && !t.isInner(int(st.sender)) && !t.isInner(int(st.receiver)) {
			return nil
		}
		name := fmt.Sprintf("System V message queue %d", id)
		if t.o.Force {
			t.o.Warn(fmt.Sprintf("dropped: %s, with %d messages", name, st.count))
			return nil
		}
		return kernel.Refuse(name, "--force takes them without it", "the processes have used it, and what is in it can't be read without taking it out")
	})
}
