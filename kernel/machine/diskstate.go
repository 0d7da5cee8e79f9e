// Whether a disk still is as it was when the image was made.
//
// Of each mounted file system, the image's facts have a digest of the first
// 128 KiB of its disk. That is where ext4, XFS, Btrfs and FAT have their
// superblock: with the UUID, and with the time, a counter or a generation
// that changes whenever the file system is mounted to be written to.

package machine

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"snappipe/kernel"
	"snappipe/kernel/machine/lvm"
)

const (
	diskFactPrefix = "disk-" // then the device's number: "disk-254-0"
	digested       = 128 << 10
)

// diskFacts has one fact for each disk.
func diskFacts(disks []disk) (kernel.Facts, error) {
	var facts kernel.Facts
	for _, d := range disks {
		sum, err := digest(d.source)
		if err != nil {
			return nil, kernel.Refuse(d.String(), "", "it cannot be read, so a resume could not tell whether it has been written to: %v", err)
		}
		facts = append(facts, kernel.Fact{
			Name:  diskFactPrefix + strings.ReplaceAll(d.number, ":", "-"),
			Value: fmt.Sprintf("%s %s sha256:%s", d.source, d.fstype, sum),
		})
	}
	return facts, nil
}

// unchangedDisks refuses an image whose disks are gone or were written to. Those that
// follow it are looked at as they will be when they are turned back.
func unchangedDisks(facts kernel.Facts, following followers) error {
	for _, f := range facts {
		number, ok := strings.CutPrefix(f.Name, diskFactPrefix)
		if !ok {
			continue
		}
		words := strings.Fields(f.Value)
		if len(words) != 3 {
			return kernel.Refuse("the image", "", "what it says of a disk makes no sense: %q", f.Value)
		}
		source, fstype, sum := words[0], words[1], strings.TrimPrefix(words[2], "sha256:")
		if f, ok := following.of(number); ok {
			err := f.at.Holds()
			if err == nil {
				source = f.at.Device()
			} else if !errors.Is(err, lvm.ErrNone) {
				return err
			}
		}
		now, err := digest(source)
		if errors.Is(err, fs.ErrNotExist) {
			return kernel.Refuse(source, "", "it was mounted when the image was made, and is not there now")
		}
		if err != nil {
			return kernel.Refuse(source, "", "it was mounted when the image was made, and cannot be read: %v", err)
		}
		if now != sum {
			return kernel.Refuse(source, "the image is lost; boot normally",
				"the %s file system has been written to since the image was made, and a resume would destroy it", fstype)
		}
	}
	return nil
}

// digest reads the beginning of a block device.
func digest(source string) (string, error) {
	if !filepath.IsAbs(source) {
		return "", fmt.Errorf("%q is not the path of a device", source)
	}
	f, err := os.Open(source)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || st.Mode()&fs.ModeDevice == 0 || st.Mode()&fs.ModeCharDevice != 0 {
		return "", fmt.Errorf("%s is not a block device", source)
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, digested)); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}
