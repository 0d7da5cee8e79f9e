// This file tells the ID of a thread in a lock from a number like it: by all words of a
// lock of glibc's, on x86-64.

package restore

import "encoding/binary"

// lockWords are the words around one, by their distance in bytes; zeros beyond what
// belongs together.
type lockWords struct {
	all []byte
	at  int
}

func (w lockWords) word(offset int) uint32 {
	if i := w.at + offset; i >= 0 && i+4 <= len(w.all) {
		return binary.LittleEndian.Uint32(w.all[i:])
	}
	return 0
}

// futexID is FUTEX_TID_MASK of linux/futex.h: what is not a flag.
const futexID = 0x3fffffff

// isOwner reports whether a word, which is the ID of a thread and maybe flags of a futex,
// says who holds a lock, of a kind that looks at this.
func isOwner(w lockWords) bool {
	if flags := w.word(0) &^ futexID; flags != 0 {
		return isOwnedFutex(w)
	}
	return ownsMutex(w) || ownsRWLock(w) || isOwnedFutex(w)
}

// Where struct __pthread_mutex_s has what: sysdeps/nptl/bits/struct_mutex.h of glibc. The
// lock is 1 or 2 while it is held, but where the kernel has to know the owner, the ID of
// that and flags. The count is how often one has it that counts.
const (
	mutexLock, mutexCount, mutexOwner, mutexUsers, mutexKind = 0, 4, 8, 12, 16
)

// Kinds of a mutex: nptl/pthreadP.h.
const (
	mutexType       = 0x3
	mutexRecursive  = 0x1
	mutexErrorCheck = 0x2
	mutexByKernel   = 0x30 // robust, or lending its owner the priority of who waits
	mutexKinds      = 0x3ff

	mutexCeiling      = 0xfff80000 // in the lock: a priority ceiling
	mutexInconsistent = 0x7fffffff // as owner: the one before died with it
)

const maxThreads = 1 << 22 // PID_MAX_LIMIT, include/linux/threads.h

func ownsMutex(w lockWords) bool {
	part := func(offset int) uint32 { return w.word(offset - mutexOwner) }
	lock, count, users, kind := part(mutexLock), part(mutexCount), part(mutexUsers), part(mutexKind)
	if users == 0 || users > maxThreads || kind&^mutexKinds != 0 {
		return false
	}
	if kind&mutexByKernel != 0 {
		return lock != 0
	}
	held := lock &^ mutexCeiling
	switch kind & mutexType {
	case mutexRecursive:
		return count > 0 && (held == 1 || held == 2)
	case mutexErrorCheck:
		return count == 0 && (held == 1 || held == 2)
	}
	return false // unlocked by anybody
}

// isOwnedFutex is for the lock of a mutex whose owner the kernel has to know. It comes
// before the owner is said in the mutex, and goes after that.
func isOwnedFutex(w lockWords) bool {
	owner, users, kind := w.word(mutexOwner), w.word(mutexUsers), w.word(mutexKind)
	return kind&^mutexKinds == 0 && kind&mutexByKernel != 0 && users <= maxThreads &&
		(owner <= maxThreads || owner == mutexInconsistent)
}

// ownsRWLock is for one that is held for writing, so that its first word says so:
// struct __pthread_rwlock_arch_t of sysdeps/x86/nptl/bits/struct_rwlock.h, and
// nptl/pthread_rwlock_common.c.
func ownsRWLock(w lockWords) bool {
	const readers, phase, writers, padding1, padding2, writer, shared, padding3, flags = 0, 8, 12, 16, 20, 24, 28, 40, 48
	const written = 3 // PTHREAD_RWLOCK_WRPHASE and PTHREAD_RWLOCK_WRLOCKED
	part := func(offset int) uint32 { return w.word(offset - writer) }
	return part(readers)&written == written && part(phase) <= 3 && part(writers) <= 3 && part(shared) <= 1 && part(flags) <= 2 &&
		part(padding1)|part(padding2)|part(padding3) == 0
}
