// What calls are given and may say.

package sys

import (
	"encoding/binary"
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Words are numbers as they lie in memory.
func Words(v ...uint64) []byte {
	var b []byte
	for _, w := range v {
		b = binary.NativeEndian.AppendUint64(b, w)
	}
	return b
}

// Bytes are those of a structure, which have the kernel's layout and no pointers. They are
// no copy.
func Bytes[T any](v *T) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v)) }

// Ignore drops an error that is one of those given.
func Ignore(err error, these ...unix.Errno) error {
	for _, e := range these {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}
