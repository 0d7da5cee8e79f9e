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
	flags := w.word(0) &^ futexID
	return flags == 0 && (ownsMutex(w) || ownsRWLock(w)) || isLockOfMutex(w, flags != 0)
}

// Where struct __pthread_mutex_s has what: sysdeps/nptl/bits/struct_mutex.h of glibc. The
// lock is 1 or 2 while it is held, but where the kernel has to know the owner, the ID of
// that and flags. The count is how often one has it that counts. Behind the kind are two
// numbers of 16 bits, and the neighbours in the list of robust ones.
const (
	mutexLock, mutexCount, mutexOwner, mutexUsers, mutexKind, mutexSpins = 0, 4, 8, 12, 16, 20
	mutexBefore, mutexNext                                               = 24, 32
)

// Kinds of a mutex: nptl/pthreadP.h.
const (
	mutexType       = 0x3
	mutexRecursive  = 0x1
	mutexErrorCheck = 0x2
	mutexRobust     = 0x10
	mutexLends      = 0x20 // its owner the priority of who waits
	mutexKinds      = 0x3ff

	mutexCeiling      = 0xfff80000 // in the lock: a priority ceiling
	mutexInconsistent = 0x7fffffff // as owner: the one before died with it
)

const maxThreads = 1 << 22 // PID_MAX_LIMIT, include/linux/threads.h

func ownsMutex(w lockWords) bool {
	m := lockWords{w.all, w.at - mutexOwner}
	if m.word(mutexUsers) == 0 || !m.isMutex() {
		return false
	}
	lock, count := m.word(mutexLock), m.word(mutexCount)
	if m.word(mutexKind)&(mutexRobust|mutexLends) != 0 {
		return lock != 0 && count > 0
	}
	held := lock &^ mutexCeiling
	switch m.word(mutexKind) & mutexType {
	case mutexRecursive:
		return count > 0 && (held == 1 || held == 2)
	case mutexErrorCheck:
		return count == 0 && (held == 1 || held == 2)
	}
	return false // unlocked by anybody
}

// isLockOfMutex is for the lock of one whose owner the kernel has to know. Where others
// wait, or the owner before has died, it may come before the new one is said in the mutex.
func isLockOfMutex(m lockWords, flags bool) bool {
	if m.word(mutexKind)&(mutexRobust|mutexLends) == 0 || !m.isMutex() {
		return false
	}
	owner := m.word(mutexOwner)
	return owner == m.word(mutexLock)&futexID || flags && (owner == 0 || owner == mutexInconsistent)
}

// isMutex looks at what all of them have in common.
func (w lockWords) isMutex() bool {
	kind := w.word(mutexKind)
	if kind&^mutexKinds != 0 || w.word(mutexUsers) > maxThreads || w.word(mutexSpins)>>16 != 0 {
		return false
	}
	before, next := w.pointer(mutexBefore), w.pointer(mutexNext)
	if kind&mutexRobust == 0 {
		return before == 0 && next == 0
	}
	const isLending = 1 // a flag in the pointer
	return (before|next)&^isLending%8 == 0 && (before|next)>>47 == 0
}

func (w lockWords) pointer(offset int) uint64 {
	return uint64(w.word(offset)) | uint64(w.word(offset+4))<<32
}

// ownsRWLock is for one that is held for writing, so that its first word says so:
// struct __pthread_rwlock_arch_t of sysdeps/x86/nptl/bits/struct_rwlock.h, and
// nptl/pthread_rwlock_common.c.
func ownsRWLock(w lockWords) bool {
	const readers, phase, writers, padding1, padding2, writer, shared, padding3, flags = 0, 8, 12, 16, 20, 24, 28, 40, 48
	const written = 3                   // PTHREAD_RWLOCK_WRPHASE and PTHREAD_RWLOCK_WRLOCKED; above, who waits
	const held, heldAndWaitedFor = 1, 3 // of both futexes
	part := func(offset int) uint32 { return w.word(offset - writer) }
	isHeld := func(word uint32) bool { return word == held || word == heldAndWaitedFor }
	return part(readers)&written == written && part(readers)>>3 <= maxThreads &&
		isHeld(part(phase)) && isHeld(part(writers)) && part(shared) <= 1 && part(flags) <= 2 &&
		part(padding1)|part(padding2)|part(padding3) == 0
}
