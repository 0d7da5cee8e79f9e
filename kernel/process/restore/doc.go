// Package restore makes the image of a process, or of a tree of them, processes
// again.
//
// A process begins as a stub: a new process that has executed the program of the
// image, so that everything outside sees the right executable, but has not
// run one instruction of it. It stands under ptrace all the time, set to be
// killed when this process ends in any way. By system calls made in its name
// it is emptied and given everything that the image says, in this order:
//
//	headers complete   checks, stubs, address spaces     load.go
//	as bytes come      pages, straight into the stub     pages.go
//	commit             files, signals, threads, timers,  commit.go
//	                   registers, release
//
// A tree takes every step with all of its processes before the next. The stub of
// the root makes those of its children, and so on (births.go), with the IDs that
// they had, in their sessions and groups.
//
// The release is the last step, the only one that cannot be undone, and until
// then the program has not run. Going back at any point is killing the stub:
// what it holds, the kernel gives up with it.
//
// What the program had open, package object makes here, by ordinary calls, and
// hands to the stub over a socket; only what the kernel ties to the caller is
// done by calls in the stub's name.
//
// Every image may be hostile. Packages world and object have checked that it is
// consistent; whether the kernel takes the values is for the kernel to say, to the stub,
// which has the rights of the user and no more.
package restore
