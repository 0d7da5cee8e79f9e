// Disks that follow: each is kept as it was when the image was made, while the machine
// goes on, and made so again before the image is resumed.
//
// What the image depends on is a snapshot of each logical volume, made while its file
// system is frozen, after the image and before anybody writes. Image and snapshot
// name each other. To resume, all of the image is there and verified before a volume is
// turned back, which takes its snapshot up. The resumed machine, whose file systems are
// still frozen, makes the next one at once, under the same name: so it can go back
// there time and again.

package machine

import (
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
	"snappipe/kernel/machine/lvm"
)

// follower is a disk with the snapshot that it is turned back to.
type follower struct {
	number string // of the disk, as in its other fact
	at     lvm.At
}

type followers []follower

// followFactPrefix is followed by the device's number: "follow-254-0".
const followFactPrefix = "follow-"

// followFact is "guest/root snappipe-0badf00d-1 24@/dev/vda(0)": names as lvm(8) allows
// them, which neither look like options nor like tags.
var followFact = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(\w[\w.+-]*/\w[\w.+-]*) (snappipe-[\w-]+) (\S+)$`)
})

// findFollowers has one for each disk that is written to, or refuses the disk that
// cannot be one. There are none where none are asked for.
func (m *Machine) findFollowers(disks []disk) (followers, error) {
	if !m.opts.DiskSnapshots {
		return nil, nil
	}
	if err := noSwapToFollow(); err != nil {
		return nil, err
	}
	var id [4]byte
	rand.Read(id[:]) // never fails: crypto/rand
	var all followers
	for _, d := range disks {
		if !d.writable {
			continue
		}
		if d.holds("/run", "/run/lock") {
			return nil, kernel.Refuse(d.String(), "mount a tmpfs on /run", "LVM keeps its locks there, and would wait for ever once it is frozen")
		}
		device := d.source
		if mapped := aboutDevice(d.number, "dm/name"); mapped != "" {
			device = "/dev/mapper/" + mapped
		}
		v, err := lvm.Of(device)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("snappipe-%x-%d", id, len(all)+1)
		all = append(all, follower{strings.ReplaceAll(d.number, ":", "-"), lvm.At{Volume: v, Snapshot: name}})
	}
	return all, nil
}

// holds reports whether one of these directories lies on the disk.
func (d disk) holds(dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool {
		var st unix.Stat_t
		return unix.Stat(dir, &st) == nil && deviceNumber(st.Dev) == d.number
	})
}

// noSwapToFollow refuses active swap: what is there is not turned back.
func noSwapToFollow() error {
	areas, err := activeSwaps()
	if err != nil || len(areas) == 0 {
		return err
	}
	return kernel.Refuse(strings.Join(areas, ", ")+" (swap)", "swapoff -a, or do without --disk-snapshots",
		"in use: what is swapped out cannot be turned back with the disks")
}

// facts has one for each.
func (all followers) facts() (facts kernel.Facts) {
	for _, f := range all {
		facts = append(facts, kernel.Fact{Name: followFactPrefix + f.number, Value: f.at.Name + " " + f.at.Snapshot + " " + f.at.Layout})
	}
	return facts
}

// followersOf reads what an image says of them.
func followersOf(facts kernel.Facts) (all followers, err error) {
	for _, fact := range facts {
		number, ok := strings.CutPrefix(fact.Name, followFactPrefix)
		if !ok {
			continue
		}
		words := followFact().FindStringSubmatch(fact.Value)
		if words == nil {
			return nil, kernel.Refuse("the image", "", "what it says of the snapshot of a disk makes no sense: %q", fact.Value)
		}
		all = append(all, follower{number, lvm.At{Volume: lvm.Volume{Name: words[1], Layout: words[3]}, Snapshot: words[2]}})
	}
	return all, nil
}

// begin makes the snapshots, or none. File systems are frozen, in their own order.
func (all followers) begin() error {
	left := map[string]int{} // how many share what a group has
	for _, f := range all {
		left[f.at.Group()]++
	}
	for i, f := range all {
		if err := f.at.Take(left[f.at.Group()]); err != nil {
			return errors.Join(kernel.Refuse(f.at.Name, "", "no snapshot of it could be made: %v", err), all[:i].end())
		}
		left[f.at.Group()]--
	}
	return nil
}

// end gives the snapshots up.
func (all followers) end() error {
	var errs []error
	for _, f := range all {
		errs = append(errs, f.at.Drop())
	}
	return errors.Join(errs...)
}

// of is the one that follows the disk with a number.
func (all followers) of(number string) (follower, bool) {
	for _, f := range all {
		if f.number == number {
			return f, true
		}
	}
	return follower{}, false
}

// turnBack makes all disks what they were when the image was made. One whose snapshot
// is gone has been turned back already, or it would have been refused.
func (all followers) turnBack() error {
	for _, f := range all {
		if err := f.at.Revert(); err != nil && !errors.Is(err, lvm.ErrNone) {
			return err
		}
	}
	return nil
}
