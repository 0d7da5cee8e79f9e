// Room for the image.
//
// While the machine stands still, each page of the image is there three
// times: where it is used, in the kernel's atomic copy, and in the copy that
// this process keeps; with the two system calls, twice. So the kernel is asked to
// make the image no more than a third or half of the memory: it drops page cache
// and, where there is swap, pages out.

package machine

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

const imageSizeFile = "/sys/power/image_size"

// spare is left over for what the kernel itself needs meanwhile, and then the
// programs that work on the image.
const spare = 96 << 20

type meminfo struct {
	total, available int64
	cached           int64 // of files, in memory
	swapFree         int64
}

// moreRoom says what helps where so much too much is in use.
func (m meminfo) moreRoom(over int64) string {
	return fmt.Sprintf("end programs that have some %d MiB, or add swap for as much, of which %d MiB are free: "+
		"zram, which compresses it in memory, or with --freeze-filesystems a disk's; "+
		"to drop caches (now %d MiB) or to set image_size lower gives nothing more",
		max(over, spare)>>20, m.swapFree>>20, m.cached>>20)
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
		case "SwapFree":
			m.swapFree = kib << 10
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

// most is how large an image can be, for each of its pages to be there as often as
// it takes.
func (m *Machine) most(info meminfo) int64 {
	times := int64(3)
	if m.byCalls() {
		times = 2
	}
	return max(0, info.total-spare) / times
}

// limitImage has the kernel shrink the image to a size, if it can. That is the
// same for all; restore sets it back.
func limitImage(size int64) (restore func() error, err error) {
	b, err := os.ReadFile(imageSizeFile)
	if err != nil {
		return nil, fmt.Errorf("find out what size of image is preferred: %w", err)
	}
	before, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", imageSizeFile, err)
	}
	if err := setImageSize(size); err != nil {
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
