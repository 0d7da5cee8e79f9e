// Package sockopt knows every socket option of Linux, and what is done about
// each when a socket is put into an image and made again: see [Table].
package sockopt
