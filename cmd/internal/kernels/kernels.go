// Package kernels makes the kernels known that the commands can use: a
// further one is a further import here.
package kernels

import (
	_ "snappipe/kernel/file"
	_ "snappipe/kernel/machine"
	_ "snappipe/kernel/process"
)
