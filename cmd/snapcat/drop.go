// Leaving single descriptors out of the image of a process.

package main

import (
	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/tool"
	"snappipe/kernel"
)

var dropFlag = &cli.IntSliceFlag{Name: "drop-fd", Usage: "leave descriptor `FD` of the process out, which then reads end of file and takes no writes; may be given several times"}

func chooseDropped(c *tool.Call, target string, o *kernel.Options) error {
	o.DropFDs = c.IntSlice(dropFlag.Name)
	if kind, _, _ := cutTarget(target); len(o.DropFDs) > 0 && kind != "process" {
		return tool.Usage("", "--drop-fd is for process:PID only")
	}
	for _, fd := range o.DropFDs {
		if fd < 0 {
			return tool.Usage("", "--drop-fd %d: descriptors are numbered from 0", fd)
		}
	}
	return nil
}
