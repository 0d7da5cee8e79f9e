// Package lvm keeps what a logical volume was like at one moment while it is written
// to, and makes it so again: by snapshots of lvm(8), of which the volume group itself
// has a record. Whoever activates the volume, in whatever system boots meanwhile, has
// the kernel copy what is about to be overwritten (Documentation/admin-guide/
// device-mapper/snapshot.rst); and a volume that was being turned back when the power
// failed is turned back further then.
package lvm

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"snappipe/kernel"
)

// Volume is a logical volume.
type Volume struct {
	Name   string // "guest/root", as lvm(8) takes it
	Layout string // on which extents of which disks it lies; without spaces
}

// Of returns the volume that a device is, if it can bear snapshots.
func Of(device string) (Volume, error) {
	const whatHelps = "unmount it, remount it read-only, or put it on LVM: pvcreate(8)"
	rows, err := list(device, "vg_name", "lv_name", "segtype", "vg_free_count", "seg_size_pe", "devices")
	if err != nil {
		return Volume{}, kernel.Refuse(device, whatHelps, "it is no logical volume, of which snapshots could be taken: %v", err)
	}
	v := Volume{Name: rows[0][0] + "/" + rows[0][1], Layout: layout(rows)}
	for _, row := range rows {
		if row[2] != "linear" && row[2] != "striped" {
			return Volume{}, kernel.Refuse(device, whatHelps, "the volume %s is of type %s, which has state of its own that an image would not fit", v.Name, row[2])
		}
	}
	if free, err := strconv.Atoi(rows[0][3]); err != nil || free == 0 {
		return Volume{}, kernel.Refuse(device, "vgextend or lvreduce", "the volume group of %s has no free extents, which a snapshot would take", v.Name)
	}
	return v, nil
}

// layout is where a volume lies, by the last two columns of its segments.
func layout(rows [][]string) string {
	var segments []string
	for _, row := range rows {
		segments = append(segments, row[len(row)-2]+"@"+row[len(row)-1])
	}
	return strings.ReplaceAll(strings.Join(segments, "+"), " ", "")
}

// Group is the volume group.
func (v Volume) Group() string { group, _, _ := strings.Cut(v.Name, "/"); return group }

// At is a volume as it was at one moment: a snapshot, with its own name.
type At struct {
	Volume
	Snapshot string
}

func (a At) full() string { return a.Group() + "/" + a.Snapshot }

// Take makes now that moment. What is changed from now on may take up a share of the
// group's free extents: one in so many.
func (a At) Take(share int) error {
	return run("lvcreate", "--yes", "--snapshot", "--name", a.Snapshot, "--extents", fmt.Sprintf("%d%%FREE", 100/share), a.Name)
}

// Device is the volume as it was. It has this name whoever activated it: lvm(8),
// under names.
func (a At) Device() string {
	double := strings.NewReplacer("-", "--")
	return "/dev/mapper/" + double.Replace(a.Group()) + "-" + double.Replace(a.Snapshot)
}

// Drop gives it up.
func (a At) Drop() error { return run("lvremove", "--yes", a.full()) }

// ErrNone is that there is no such snapshot.
var ErrNone = errors.New("there is no snapshot")

// Holds reports whether the volume can be turned back: [ErrNone], or a refusal that
// says what is in the way.
func (a At) Holds() error {
	rows, err := list(a.Name, "lv_attr", "lv_device_open", "seg_size_pe", "devices")
	if err != nil {
		return kernel.Refuse(a.Name, "activate its volume group: vgchange -a y", "it is not there now: %v", err)
	}
	switch attr, open := rows[0][0], rows[0][1]; {
	case strings.HasPrefix(attr, "O"):
		return kernel.Refuse(a.Name, "wait until `lvs -a` shows no snapshot that is merging", "it is still being turned back to what it was")
	case layout(rows) != a.Layout:
		return kernel.Refuse(a.Name, "the image is lost; boot normally", "the volume lies elsewhere than when the image was made: %s then, %s now", a.Layout, layout(rows))
	case open == "open":
		return kernel.Refuse(a.Name, "resume before it is used, from the initramfs", "the volume is in use, and cannot be turned back to what it was")
	}
	rows, err = list(a.full(), "lv_attr", "origin")
	if err != nil {
		return ErrNone
	}
	attr := rows[0][0]
	if a.Group()+"/"+rows[0][1] != a.Name || len(attr) < 5 || strings.ContainsRune("ISX", rune(attr[4])) {
		return kernel.Refuse(a.full(), "the image is lost; boot normally", "the snapshot has not held all that was changed since: it is full, or none of %s", a.Name)
	}
	return nil
}

// Revert makes the volume what it was. That takes the snapshot up, and is all done
// when it returns.
func (a At) Revert() error {
	if err := a.Holds(); err != nil {
		return err
	}
	if err := run("lvconvert", "--yes", "--merge", "--interval", "1", a.full()); err != nil {
		return err
	}
	switch err := a.Holds(); {
	case errors.Is(err, ErrNone):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%s: lvconvert(8) has left the snapshot %s", a.Name, a.Snapshot)
}

// settings have lvm(8) write to nothing but disks, wait for nobody, and leave no
// process behind: lvm.conf(5). All others may be stopped, and file systems frozen.
const settings = "backup{backup=0 archive=0} global{use_lvmpolld=0 wait_for_locks=0} activation{monitoring=0}"

func run(command string, args ...string) error {
	_, err := lvm(append([]string{command, "--config", settings}, args...)...)
	return err
}

// list has a row for each segment of a volume, or more.
func list(volume string, fields ...string) ([][]string, error) {
	out, err := lvm("lvs", "--config", settings, "--noheadings", "--separator", "|", "--unbuffered", "--options", strings.Join(fields, ","), volume)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for line := range strings.Lines(out) {
		if row := strings.Split(strings.TrimSpace(line), "|"); len(row) == len(fields) {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("lvs says nothing of %s", volume)
	}
	return rows, nil
}

func lvm(args ...string) (string, error) {
	c := exec.Command("lvm", args...)
	// udev may be stopped, and would be waited for.
	c.Env = append(os.Environ(), "DM_DISABLE_UDEV=1", "LVM_SUPPRESS_FD_WARNINGS=1", "LC_ALL=C")
	var grumble strings.Builder
	c.Stderr = &grumble
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("lvm %s: %w: %s", args[0], err, strings.Join(strings.Fields(grumble.String()), " "))
	}
	return string(out), nil
}
