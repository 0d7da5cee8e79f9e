// The session keyring (session-keyring(7)). Programs inherit it, and a resumed one
// has that of snapresume; so it is remembered if it holds more than every session
// has. Keyrings of a thread or process alone are refused: see threadQuestions.

package capture

import "golang.org/x/sys/unix"

// readKeyring asks in the twin, since to ask may make a keyring.
func (c *member) readKeyring() error {
	const getID, read = 0, 11                     // include/uapi/linux/keyctl.h
	const session, user, userSession = -3, -4, -5 // KEY_SPEC_
	id := func(which int64) uint64 {
		v, err := c.twin.call.Call(unix.SYS_KEYCTL, getID, uint64(which), 0)
		if err != nil {
			return 0
		}
		return v
	}
	own := id(session)
	if own == 0 || own == id(userSession) {
		return nil
	}
	n, err := c.twin.call.Call(unix.SYS_KEYCTL, read, own, c.twin.batch.At, uint64(c.twin.batch.Size))
	held := 1 // at least, if it is not for reading
	if err == nil {
		keys := make([]byte, min(int(n), c.twin.batch.Size))
		if err := c.twin.Memory.Read(keys, c.twin.batch.At); err != nil {
			return err
		}
		held = 0
		for everybodys := uint32(id(user)); len(keys) >= 4; keys = keys[4:] {
			if le.Uint32(keys) != everybodys {
				held++
			}
		}
	}
	if held > 0 {
		c.task.Keyring = int(int32(own))
	}
	return nil
}
