// Numbers that are the ID of a thread, and what is around them.

package restore

import (
	"encoding/binary"
	"testing"
)

// Words that are no lock that is held, of a kind that knows by whom, are left alone.
func TestIsOwner(t *testing.T) {
	const id, waiters, died = 13813, 1 << 31, 1 << 30
	for _, c := range []struct {
		name  string
		at    int // of the word in question, among
		words [14]uint32
		want  bool
	}{
		{"recursive", 2, [14]uint32{1, 1, id, 1, 1}, true},
		{"recursive, waited for, taken thrice, shared", 2, [14]uint32{2, 3, id, 1, 0x81}, true},
		{"recursive, with a ceiling", 2, [14]uint32{0x500001, 1, id, 1, 0x41}, true},
		{"recursive, with condition variables", 2, [14]uint32{1, 1, id, 3, 1}, true},
		{"checking", 2, [14]uint32{1, 0, id, 1, 2}, true},
		{"lending: owner", 2, [14]uint32{id | waiters, 1, id, 1, 0x20}, true},
		{"lending: lock", 0, [14]uint32{id | waiters, 1, id, 1, 0x20}, true},
		{"lending: lock alone", 0, [14]uint32{id, 1, id, 1, 0x20}, true},
		{"lending, handed over", 0, [14]uint32{id | waiters, 0, 0, 0, 0x20}, true},
		{"robust: owner", 2, [14]uint32{id, 2, id, 1, 0x91, 0, 0x26785a20, 0x7f6b, 0x26785a20, 0x7f6b}, true},
		{"robust: lock", 0, [14]uint32{id, 2, id, 1, 0x91, 0, 0x26785a20, 0x7f6b, 0x26785a20, 0x7f6b}, true},
		{"robust, after a death", 0, [14]uint32{id | died, 0, 0x7fffffff, 0, 0x10}, true},
		{"for writing", 6, [14]uint32{3, 0, 1, 1, 0, 0, id}, true},
		{"for writing, shared, waited for", 6, [14]uint32{0xb, 0, 3, 3, 0, 0, id, 1, 0, 0, 0, 0, 2}, true},

		{"alone", 2, [14]uint32{2: id}, false},
		{"normal", 2, [14]uint32{1, 0, id, 1, 0}, false},
		{"adaptive", 2, [14]uint32{1, 0, id, 1, 3}, false},
		{"recursive, free", 2, [14]uint32{0, 0, id, 0, 1}, false},
		{"recursive, never taken", 2, [14]uint32{1, 0, id, 1, 1}, false},
		{"recursive, no user", 2, [14]uint32{1, 1, id, 0, 1}, false},
		{"recursive, in a list", 2, [14]uint32{1, 1, id, 1, 1, 0, 8}, false},
		{"of no kind", 2, [14]uint32{1, 1, id, 1, 0x401}, false},
		{"for reading", 6, [14]uint32{8, 0, 0, 1, 0, 0, id}, false},
		{"for writing, with more behind it", 6, [14]uint32{3, 0, 1, 1, 0, 0, id, 0, 0, 0, 7}, false},
		{"the size of memory, and what is in it", 2, [14]uint32{0, 0, id, 0, 0x31, 0, 0x10, 0, 0x20}, false},
		{"small numbers", 0, [14]uint32{id, 1, 2, 3, 0x30, 5, 6, 7}, false},
		{"small numbers, of another", 0, [14]uint32{id, 1, id + 1, 1, 0x20}, false},
		{"the size of memory, behind a number", 6, [14]uint32{3, 0, 0, 0, 0, 0, id}, false},
		{"with a flag", 2, [14]uint32{1, 1, id | waiters, 1, 1}, false},
	} {
		var b []byte
		for _, w := range c.words {
			b = binary.LittleEndian.AppendUint32(b, w)
		}
		if got := isOwner(lockWords{b, 4 * c.at}); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
