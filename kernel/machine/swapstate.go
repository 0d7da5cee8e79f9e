// Whether a swap area still is as it was when the image was made: marked for
// that image, and with what it had then. Nobody can be made to trust one that is
// not, since the resumed machine would take what others swapped for its own
// memory.

package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snappipe/kernel"
)

const swapFactPrefix = "swap-" // then a number: "swap-1"

// parseSwapFact reads what an image says of an area.
func parseSwapFact(value string) (a swapArea, id string, err error) {
	words := strings.SplitN(value, " ", 5)
	if len(words) == 5 {
		a.device, a.name = words[0], words[4]
		a.offset, err = strconv.ParseInt(words[1], 10, 64)
		uuid, isUUID := strings.CutPrefix(words[2], "uuid:")
		id, isID := strings.CutPrefix(words[3], "id:")
		if err == nil && uuid != "" && isUUID && isID && len(id) == 2*len(imageID{}) && filepath.IsAbs(a.device) && a.offset >= 0 {
			return a, id, nil
		}
	}
	return a, "", kernel.Refuse("the image", "", "what it says of a swap area makes no sense: %q", value)
}

// swapFacts calls f for each area that facts name.
func swapFacts(facts kernel.Facts, f func(a swapArea, id string) error) error {
	for _, fact := range facts {
		if !strings.HasPrefix(fact.Name, swapFactPrefix) {
			continue
		}
		a, id, err := parseSwapFact(fact.Value)
		if err != nil {
			return err
		}
		if err := f(a, id); err != nil {
			return err
		}
	}
	return nil
}

// unchangedSwaps refuses an image whose swap areas are gone or may have been
// written to.
func unchangedSwaps(facts kernel.Facts) error {
	return swapFacts(facts, func(a swapArea, id string) error {
		reason := a.heldFor(id)
		if reason == nil {
			return nil
		}
		return kernel.Refuse(a.String(), "the image is lost; boot normally", "%v, and the image needs what was swapped there", reason)
	})
}

// heldFor returns nil if the area is as it was when it was marked for an image.
func (a swapArea) heldFor(id string) error {
	disk, err := os.OpenFile(a.device, os.O_RDONLY|unix.O_DIRECT|unix.O_NONBLOCK, 0) // it may be anything by now
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not there now", a.device)
	}
	if err != nil {
		return err
	}
	held := &heldArea{swapArea: a, disk: disk}
	return errors.Join(held.markedFor(id), disk.Close())
}

// markedFor returns nil if the area is intact.
func (a *heldArea) markedFor(id string) error {
	a.length = int64(os.Getpagesize())
	h, _, err := a.read()
	if err != nil {
		return fmt.Errorf("it cannot be read: %w", err)
	}
	if h.check() != nil {
		return errors.New("it is no swap area any more")
	}
	theirs, marked := h.markedFor()
	switch {
	case !marked:
		return errors.New("it has been given back or used since")
	case theirs.String() != id:
		return errors.New("it is held for another image")
	}
	a.length += h.sampled()
	h, sample, err := a.read()
	if err != nil {
		return fmt.Errorf("it cannot be read: %w", err)
	}
	if !h.intact(sample) {
		return errors.New("it has been written to since")
	}
	return nil
}
