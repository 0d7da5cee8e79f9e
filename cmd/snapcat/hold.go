// Saving a machine whose disks are in use: they are held still from before the
// snapshot until the whole pipeline has ended.

package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/tool"
	"snappipe/kernel"
)

var (
	freezeFlag = &cli.BoolFlag{Name: "freeze-filesystems", Usage: "freeze mounted file systems from before the snapshot until the programs that read it have ended"}
	followFlag = &cli.BoolFlag{Name: "disk-snapshots", Usage: "with --freeze-filesystems: have LVM keep what the disks were like, so that the machine goes on writing, and a resume turns them back"}
	thenFlag   = &cli.StringFlag{Name: "then", Value: ends[0], Usage: "after --freeze-filesystems and if all went well: `END` is stay, poweroff or reboot"}
)

// ends are what can come then. After "stay" the image is of no more use, as soon as a
// file system has been written to, but for --disk-snapshots.
var ends = []string{"stay", "poweroff", "reboot"}

func chooseHold(c *tool.Call, o *kernel.Options) error {
	o.FreezeFilesystems, o.Then = c.Bool(freezeFlag.Name), c.String(thenFlag.Name)
	if !slices.Contains(ends, o.Then) {
		return tool.Usage("", "--then %s: it is one of %s", o.Then, strings.Join(ends, ", "))
	}
	if c.IsSet(thenFlag.Name) && !o.FreezeFilesystems {
		return tool.Usage("", "--then is for --freeze-filesystems only")
	}
	o.DiskSnapshots = c.Bool(followFlag.Name)
	if o.DiskSnapshots && (!o.FreezeFilesystems || o.Then != ends[0]) {
		return tool.Usage("", "--disk-snapshots is for --freeze-filesystems --then stay only")
	}
	return nil
}
