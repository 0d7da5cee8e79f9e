// Room for the image.
//
// While the machine stands still, each page of the image is there three
// times: where it is used, in the kernel's atomic copy, and in the copy that
// this process keeps. So the kernel is asked to drop page cache until the
// image is no more than a third of the memory.

package machine

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

const imageSizeFile = "/sys/power/image_size"

// spare is left over for what the kernel itself needs meanwhile.
const spare = 48 << 20

type meminfo struct {
	total, available int64
	cached           int64 // of files, in memory
}

func readMeminfo() (m meminfo, err error) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return m, fmt.Errorf("find out how much memory is free: %w", err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		name, value := field(s.Text(), ":")
		kib, _ := strconv.ParseInt(strings.TrimSuffix(value, " kB"), 10, 64)
		switch name {
		case "MemTotal":
			m.total = kib << 10
		case "MemAvailable":
			m.available = kib << 10
		case "Active(file)", "Inactive(file)":
			m.cached += kib << 10
		}
	}
	if m.total == 0 {
		return m, fmt.Errorf("find out how much memory is free: /proc/meminfo does not say")
	}
	return m, nil
}

// reserve gives the job an address range that any image fits into. Only what
// is read into it will take up memory.
func reserve(j *job) (*shared, error) {
	m, err := readMeminfo()
	if err != nil {
		return nil, err
	}
	page := int64(os.Getpagesize())
	mem, err := mapPrivate(-1, uintptr(m.total/page*page))
	if err != nil {
		return nil, err
	}
	j.buf, j.room = mem.at, mem.size
	return mem, nil
}

// limitImage sets the size that the kernel shrinks the image to, if it can.
// It is the same for all; restore sets it back.
func limitImage() (restore func() error, err error) {
	m, err := readMeminfo()
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(imageSizeFile)
	if err != nil {
		return nil, fmt.Errorf("find out what size of image is preferred: %w", err)
	}
	before, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", imageSizeFile, err)
	}
	limit := (m.total - spare) / 3
	if limit <= 0 || before <= limit {
		return func() error { return nil }, nil
	}
	if err := setImageSize(limit); err != nil {
		return nil, err
	}
	return func() error { return setImageSize(before) }, nil
}

func setImageSize(n int64) error {
	if err := os.WriteFile(imageSizeFile, []byte(strconv.FormatInt(n, 10)), 0); err != nil {
		return fmt.Errorf("set the preferred size of the image: %w", err)
	}
	return nil
}
