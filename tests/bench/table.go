// Pairs to measure, and the table of them.

package main

import (
	"fmt"
	"path/filepath"
	"strings"
)

// row is a pair to measure. Both sides work in the directory of the image,
// which is the file "image".
type row struct {
	what         string
	ours, theirs string
	bar          float64  // most that ours may take of what theirs takes; 0: none
	out          []string // output files whose sizes are to be compared, ours first
	memory       int      // bytes of new memory that they need
}

// setup makes what the rows read.
var setup = []string{
	"snapcat file:image > plain",
	"snapverify < plain > plain.summed",
	"snapcat file:image | snapcompress | snapverify > img",
	"zstd -q -1 -T0 -c image > image.zst",
	"head -c 64M image > part; snapcat file:part > part.plain",
}

var rows = []row{
	{
		what: "`snapcat file:X` into a pipe",
		ours: "snapcat file:image | cat > /dev/null", theirs: "cat image | cat > /dev/null", bar: 1,
	},
	{
		what: "whole pipeline to a file",
		ours: "snapcat file:image | snapcompress | snapverify > out", theirs: "zstd -q -1 -T0 -c image | tee out.zst | sha256sum",
		bar: 1.2, out: []string{"out", "out.zst"},
	},
	{
		what: "`snapcompress --codec lz4`",
		ours: "snapcompress --codec lz4 < plain > out", theirs: "lz4 -q -c image > out.lz4", bar: 1, out: []string{"out", "out.lz4"},
	},
	{
		what: "`snapcompress --codec s2`",
		ours: "snapcompress --codec s2 < plain > out", theirs: "lz4 -q -c image > out.lz4", bar: 1. / 3, out: []string{"out", "out.lz4"},
	},
	{
		what: "`snapcompress --codec gzip`",
		ours: "snapcompress --codec gzip < plain > out", theirs: "pigz -c image > out.gz", out: []string{"out", "out.gz"},
	},
	{
		what: "`snapcompress --codec xz`, 64 MiB",
		ours: "snapcompress --codec xz < part.plain > out", theirs: "xz -0 -T0 -c part > out.xz", out: []string{"out", "out.xz"},
	},
	{
		what: "`snapverify --check`",
		ours: "snapverify --check < plain.summed", theirs: "sha256sum plain.summed", bar: 1,
	},
	{
		what: "`snapverify --check`, compressed",
		ours: "snapverify --check < img", theirs: "sha256sum image.zst; zstd -q -t image.zst", bar: 1,
	},
	{
		what: "`snapverify --check --digests-only`, compressed",
		ours: "snapverify --check --digests-only < img", theirs: "sha256sum img", bar: 1,
	},
	{
		what: "`snapresume` to a file",
		ours: "rm -f back; snapresume --to file:back img", theirs: "rm -f back; zstd -q -d -T0 image.zst -o back", bar: 1,
	},
}

// streams measures the tools on a file.
func streams(dir string, rounds int) error { return measureAll(rows, dir, rounds) }

func measureAll(rows []row, dir string, rounds int) error {
	if err := prepare(dir); err != nil {
		return err
	}
	header()
	for _, r := range rows {
		if err := r.measure(dir, rounds); err != nil {
			return err
		}
	}
	return nil
}

func prepare(dir string) error {
	if err := makeImage(filepath.Join(dir, "image")); err != nil {
		return fmt.Errorf("make the image: %w", err)
	}
	for _, s := range setup {
		if _, err := shell(dir, s); err != nil {
			return err
		}
	}
	return nil
}

func header() {
	fmt.Println("\n| what | against | ours, s | theirs, s | ratio | bar | size, ours / theirs |")
	fmt.Println("|---|---|---:|---:|---:|---:|---:|")
}

func (r row) measure(dir string, rounds int) error {
	against := strings.TrimPrefix(strings.TrimPrefix(r.theirs, "rm -f back; "), "rm -rf out; ")
	if tool := missing(against); tool != "" {
		fmt.Printf("| %s | `%s` | | | %s is not installed | | |\n", r.what, against, tool)
		return nil
	}
	our, their, err := r.pair(dir, rounds)
	if err != nil {
		return err
	}
	ratio := our.wall.Seconds() / their.wall.Seconds()
	fmt.Printf("| %s | `%s` | %.2f | %.2f | **%.2f** | %s | %s |\n",
		r.what, strings.ReplaceAll(against, "|", "\\|"), our.wall.Seconds(), their.wall.Seconds(), ratio, r.verdict(ratio), r.compared(dir))
	return nil
}

func (r row) verdict(ratio float64) string {
	if r.bar == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f, %s", r.bar, met(ratio <= r.bar))
}

// met says whether a bar is.
func met(is bool) string {
	if is {
		return "met"
	}
	return "**missed**"
}

func (r row) compared(dir string) string {
	if r.out == nil {
		return ""
	}
	n, err := sizes(dir, r.out...)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%.1f / %.1f MB", float64(n[0])/1e6, float64(n[1])/1e6)
}
