// What is held still until the image is stored: the disks of a machine, from before the
// snapshot until the whole pipeline has ended; and a process that is to end with its image.

package main

import (
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/output"
	"snappipe/cmd/internal/tool"
	"snappipe/kernel"
	"snappipe/kernel/file"
)

var (
	freezeFlag = &cli.BoolFlag{Name: "freeze-filesystems", Usage: "freeze mounted file systems from before the snapshot until the programs that read it have ended"}
	followFlag = &cli.BoolFlag{Name: "disk-snapshots", Usage: "with --freeze-filesystems: have LVM keep what the disks were like, so that the machine goes on writing, and a resume turns them back"}
	cacheFlag  = &cli.BoolFlag{Name: "drop-caches", Usage: "leave out of a machine what is in its memory of files and on their disks as well, which the resumed machine reads again"}
	thenFlag   = &cli.StringFlag{Name: "then", Value: ends[0], Usage: "if all went well: `END` is stay, poweroff or reboot after --freeze-filesystems, or kill, which has a process stand still until its image is in the file of --output, and then ends it"}
)

// ends are what can come then. After "stay" the image is of no more use, as soon as a
// file system has been written to, but for --disk-snapshots.
var ends = []string{"stay", "poweroff", "reboot"}

func chooseHold(c *tool.Call, target string, choice output.Choice, o *kernel.Options) error {
	o.FreezeFilesystems, o.Then = c.Bool(freezeFlag.Name), c.String(thenFlag.Name)
	if o.DropCaches = c.Bool(cacheFlag.Name); o.DropCaches && target != "machine" {
		return tool.Usage("", "--drop-caches is for the machine only")
	}
	if o.Then == killed {
		return checkKill(o, target, choice)
	}
	if !slices.Contains(ends, o.Then) {
		return tool.Usage("", "--then %s: it is one of %s or %s", o.Then, strings.Join(ends, ", "), killed)
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

// killed is what can become of a process.
const killed = "kill"

// checkKill sees that a process ends only if its image is stored, which takes that it is
// this program that stores it.
func checkKill(o *kernel.Options, target string, choice output.Choice) error {
	if kind, _, _ := cutTarget(target); kind != "process" || o.FreezeFilesystems {
		return tool.Usage("", "--then kill is for process:PID only")
	}
	_, handed := file.Handed(choice.Path, 1)
	if st, err := os.Stat(choice.Path); handed || err == nil && st.Mode()&(os.ModeCharDevice|os.ModeNamedPipe|os.ModeSocket) != 0 {
		return tool.Usage("", "--then kill needs --output FILE: what becomes of a pipe, it is not told")
	}
	return nil
}
