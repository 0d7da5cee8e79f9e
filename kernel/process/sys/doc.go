// Package sys makes the system calls that package unix does not have, or has
// only for values of types that it knows: what the kernel says is kept in an
// image byte by byte.
package sys
