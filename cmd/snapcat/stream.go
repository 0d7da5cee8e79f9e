// From a target to a stream: the snapshot is taken, framed and written.

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"snappipe/cmd/internal/filter"
	"snappipe/cmd/internal/output"
	"snappipe/cmd/internal/tool"
	"snappipe/format"
	"snappipe/kernel"
	"snappipe/kernel/file"
)

// cutTarget takes a target apart: "file:core" is of the kernel file.
func cutTarget(target string) (name, rest string, hasRest bool) {
	return strings.Cut(target, ":")
}

func run(ctx context.Context, c *tool.Call) error {
	target := "machine"
	if c.Args().Present() {
		target = c.Args().First()
	}
	choice, err := output.Chosen(c)
	work, badOption := chosenWork(c)
	err = cmp.Or(badOption, err)
	var img kernel.Image
	if err == nil {
		img, err = take(ctx, c, target, choice)
	}
	switch {
	case errors.Is(err, kernel.ErrResumed):
		return resumed(c, choice, target)
	case err != nil && !c.Bool("raw"):
		return choice.Fail(err)
	case err != nil:
		return err
	}
	snap := &snapshot{Image: img, target: target}
	err = write(ctx, c, choice, snap, work)
	err = errors.Join(err, snap.close())
	if held, ok := img.(kernel.Held); ok {
		err = errors.Join(err, held.Stored(err == nil))
	}
	return err
}

// take takes the snapshot.
func take(ctx context.Context, c *tool.Call, target string, choice output.Choice) (kernel.Image, error) {
	options := kernel.Options{Force: c.Bool("force"), Report: c.Report, Warn: c.Warn}
	if err := chooseHold(c, target, choice, &options); err != nil {
		return nil, err
	}
	if err := choosePart(c, target, &options); err != nil {
		return nil, err
	}
	if err := refuseSame(target, choice); err != nil {
		return nil, err
	}
	k, err := kernel.Open(target, options)
	if err != nil {
		return nil, err
	}
	defer choice.Reserve().Close()
	return k.SnapshotSystem(ctx)
}

// refuseSame refuses to write the image of a device onto that device.
func refuseSame(target string, choice output.Choice) error {
	path, ok := strings.CutPrefix(target, "file:")
	if !ok || path == "" {
		return nil
	}
	if fd, ok := file.Handed(path, 0); ok {
		path = fmt.Sprintf("/proc/self/fd/%d", fd)
	}
	f, err := os.OpenFile(path, unix.O_PATH, 0)
	if err != nil {
		return nil // the kernel says what is wrong with it
	}
	return errors.Join(file.Overwrites(choice.Path, f), f.Close())
}

// snapshot is an image that is closed once.
type snapshot struct {
	kernel.Image
	target string
	closed bool
}

func (s *snapshot) close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	return s.Image.Close()
}

// write writes the image to the output that was chosen.
func write(ctx context.Context, c *tool.Call, choice output.Choice, s *snapshot, work func() format.Work) error {
	out, err := choice.Open()
	if err != nil {
		return err
	}
	if c.Bool("raw") {
		err = writeRaw(ctx, c, out, s)
	} else {
		err = writeStream(ctx, c, out, s, work)
	}
	if err != nil {
		return errors.Join(err, out.Abort())
	}
	return out.Commit()
}

func writeStream(ctx context.Context, c *tool.Call, out *file.Output, s *snapshot, work func() format.Work) error {
	start := time.Now()
	to := out.Stream()
	info, err := describe(s.target, s.Size(), s.Facts())
	if err != nil {
		return format.Fail(to, err)
	}
	info.Summed = c.Bool(checksumsFlag.Name)
	w, err := format.NewWriter(to, info)
	if w == nil {
		return format.Fail(to, err)
	}
	if err != nil {
		return err
	}
	c.Track(info.Size, w.Progress)
	if work == nil {
		err = w.WriteImage(ctx, s.Image)
	} else {
		err = w.WriteCoded(ctx, s.Image, work)
	}
	if err != nil {
		return w.Fail(err)
	}
	// Closing tells whether the image was a good one to the last: only then
	// the stream may have its end.
	if err := s.close(); err != nil {
		return w.Fail(err)
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, stream := w.Progress()
	c.Report(filter.Summary(info.Size, w.Totals().ZeroBytes, stream, time.Since(start)))
	if root := w.Root(); root != nil {
		c.Report(fmt.Sprintf("root %x", root))
	}
	return nil
}

// resumed writes a stream without an image, for programs that wait for one.
func resumed(c *tool.Call, choice output.Choice, target string) error {
	c.Note("resumed from the snapshot: there is no image to write")
	if choice.Keeps() || c.Bool("raw") {
		return nil
	}
	out, err := choice.Open()
	if err != nil {
		return err
	}
	info, err := describe(target, 0, nil)
	if err != nil {
		return err
	}
	info.Resumed, info.Summed = true, c.Bool(checksumsFlag.Name)
	w, err := format.NewWriter(out.File, info)
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return out.Commit()
}

// describe says what the first frame does.
func describe(target string, size int64, facts kernel.Facts) (*format.Info, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return nil, err
	}
	kernelName, _, _ := cutTarget(target)
	info := &format.Info{
		Size: size,
		ID:   format.NewID(),
		Facts: []format.Fact{
			{Name: format.FactKernel, Value: kernelName},
			{Name: format.FactArch, Value: unix.ByteSliceToString(name.Machine[:])},
			{Name: format.FactPageSize, Value: strconv.Itoa(os.Getpagesize())},
			{Name: format.FactHost, Value: host},
			{Name: format.FactTime, Value: time.Now().UTC().Format(time.RFC3339Nano)},
		},
	}
	info.Facts = append(info.Facts, facts...)
	return info, nil
}
