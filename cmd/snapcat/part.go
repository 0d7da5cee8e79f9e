// What of a process is taken: without its children, without single descriptors.

package main

import (
	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/tool"
	"snappipe/kernel"
)

var dropFlag = &cli.IntSliceFlag{Name: "drop-fd", Usage: "leave descriptor `FD` of the process out, which then reads end of file and takes no writes; may be given several times"}

var onlyFlag = &cli.BoolFlag{Name: "only", Usage: "take the one process alone, without those that descend from it"}

var precopyFlag = &cli.BoolFlag{Name: "precopy", Usage: "copy memory of the process while it runs, and what it has written to since when it is stopped: a shorter pause, for as much memory again"}

func choosePart(c *tool.Call, target string, o *kernel.Options) error {
	kind, _, _ := cutTarget(target)
	if o.Only = c.Bool(onlyFlag.Name); o.Only && kind != "process" {
		return tool.Usage("", "--only is for process:PID only")
	}
	if o.Precopy = c.Bool(precopyFlag.Name); o.Precopy && kind != "process" {
		return tool.Usage("", "--precopy is for process:PID only")
	}
	o.DropFDs = c.IntSlice(dropFlag.Name)
	if len(o.DropFDs) > 0 && kind != "process" {
		return tool.Usage("", "--drop-fd is for process:PID only")
	}
	for _, fd := range o.DropFDs {
		if fd < 0 {
			return tool.Usage("", "--drop-fd %d: descriptors are numbered from 0", fd)
		}
	}
	return nil
}
