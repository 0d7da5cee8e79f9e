// Package kernels makes the kernels known that the commands can use: a
// further one is a further import here, or a program that plugin runs.
package kernels

import (
	_ "snappipe/kernel/file"
	_ "snappipe/kernel/machine"
	_ "snappipe/kernel/plugin"
	_ "snappipe/kernel/process"
)
