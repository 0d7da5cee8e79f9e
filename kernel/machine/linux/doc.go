// Package linux is where the kernel patch lies that adds the two system calls
// of the 2007 design, snapshot_system and resume_snapshot, to Linux. There is
// nothing in it to import: see README.md.
//
// Its tests build that kernel, boot it in virtual machines and try the calls
// there. With SNAPPIPE_VM=1, so does a variant that looks for mistakes.
package linux
