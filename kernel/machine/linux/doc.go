// Package linux is where the kernel patch lies that adds the two system calls
// of the 2007 design, snapshot_system and resume_snapshot, to Linux. There is
// nothing in it to import: see README.md.
//
// Its tests build that kernel, boot it in virtual machines and try the calls
// there. As those of tests/vm, they run only when SNAPPIPE_VM is set.
package linux
