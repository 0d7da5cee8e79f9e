// What is missing follows the memory.

package lazy

import (
	"slices"
	"testing"
)

const kib = 1 << 10

func TestRanges(t *testing.T) {
	first := func() ranges {
		return ranges{{100 * kib, 40 * kib, 0}, {140 * kib, 20 * kib, 400 * kib}, {200 * kib, 20 * kib, 40 * kib}}
	}
	for what, c := range map[string]struct {
		do   func(*ranges)
		left ranges
	}{
		"nothing there":  {func(r *ranges) { r.cut(160*kib, 200*kib) }, first()},
		"the middle":     {func(r *ranges) { r.cut(112*kib, 120*kib) }, ranges{{100 * kib, 12 * kib, 0}, {120 * kib, 20 * kib, 20 * kib}, {140 * kib, 20 * kib, 400 * kib}, {200 * kib, 20 * kib, 40 * kib}}},
		"across several": {func(r *ranges) { r.cut(136*kib, 204*kib) }, ranges{{100 * kib, 36 * kib, 0}, {204 * kib, 16 * kib, 44 * kib}}},
		"all":            {func(r *ranges) { r.cut(0, 1<<40) }, ranges{}},
		"moved away": {func(r *ranges) { r.move(136*kib, 500*kib, 8*kib) }, ranges{{100 * kib, 36 * kib, 0}, {144 * kib, 16 * kib, 404 * kib},
			{200 * kib, 20 * kib, 40 * kib}, {500 * kib, 4 * kib, 36 * kib}, {504 * kib, 4 * kib, 400 * kib}}},
		"moved over others": {func(r *ranges) { r.move(100*kib, 200*kib, 16*kib) }, ranges{{116 * kib, 24 * kib, 16 * kib}, {140 * kib, 20 * kib, 400 * kib},
			{200 * kib, 16 * kib, 0}, {216 * kib, 4 * kib, 56 * kib}}},
		"what is there moved over what is not": {func(r *ranges) { r.move(300*kib, 100*kib, 60*kib) }, ranges{{200 * kib, 20 * kib, 40 * kib}}},
	} {
		got := first()
		c.do(&got)
		if !slices.Equal(got, c.left) {
			t.Errorf("%s: %v, want %v", what, got, c.left)
		}
	}
}

func TestPlaces(t *testing.T) {
	r := ranges{{100 * kib, 40 * kib, 8 * kib}, {140 * kib, 20 * kib, 400 * kib}}
	for addr, want := range map[uint64]int64{99 * kib: -1, 100 * kib: 8 * kib, 139 * kib: 47 * kib, 140 * kib: 400 * kib, 160 * kib: -1} {
		off, ok := r.at(addr)
		if !ok {
			off = -1
		}
		if off != want {
			t.Errorf("%d KiB comes from %d, want %d", addr/kib, off, want)
		}
	}
	if got, want := r.of(0, 16*kib), (ranges{{100 * kib, 8 * kib, 8 * kib}}); !slices.Equal(got, want) {
		t.Errorf("of the first part comes %v, want %v", got, want)
	}
	for off, want := range map[int64]int64{0: 8 * kib, 20 * kib: 20 * kib, 48 * kib: 400 * kib, 420 * kib: -1} {
		at, ok := r.next(off)
		if !ok {
			at = -1
		}
		if at != want {
			t.Errorf("behind %d the first is %d, want %d", off, at, want)
		}
	}
}
