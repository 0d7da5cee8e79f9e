// Looking for a torn state in images of a tree, programs/relay.c, of which the kernel's
// objects have a part.

package soak

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"snappipe/kernel/process/world"
	"snappipe/tests/process/cycle"
)

// As in programs/relay.c.
const (
	ownNote    = 0x100000000000
	commonNote = 0x200000000000
	members    = 3
)

// relay is what an image of programs/relay.c says: how far each member is by its own
// memory and by the memory of all, and what is under way from each to the next.
type relay struct {
	own, common [members]uint64
	underWay    [members - 1][]uint64
}

// torn says what of it can't be of one moment.
func (r *relay) torn() error {
	for i := range members {
		// It is noted in its own memory first.
		if r.own[i] != r.common[i] && r.own[i] != r.common[i]+1 {
			return fmt.Errorf("member %d is at %d, and in common memory at %d", i, r.own[i], r.common[i])
		}
	}
	for i, numbers := range r.underWay {
		sent, received := r.own[i], r.own[i+1]
		// A member hands a number on before it notes it: the next one may be sent
		// and not noted. It may have received one more, and handed that on as well.
		next := received + 1
		if len(numbers) > 0 && numbers[0] == received+2 {
			next++
		}
		for _, n := range numbers {
			if n != next {
				return fmt.Errorf("from %d to %d, %d is under way where %d was expected", i, i+1, n, next)
			}
			next++
		}
		last := next - 1
		exact := last == sent || last == sent+1
		if len(numbers) == 0 {
			exact = exact || received == sent || received+1 == sent || received == sent+1
		}
		if !exact {
			return fmt.Errorf("member %d has sent %d, and what member %d has received and is under way ends at %d", i, sent, i+1, last)
		}
	}
	return nil
}

// readRelay looks into an image as snapcat --raw writes it.
func readRelay(image []byte) (*relay, error) {
	size, err := world.HeaderSize(image[:min(len(image), world.PrefixSize)])
	if err != nil {
		return nil, err
	}
	w, err := world.Decode(image[:size], int64(len(image)))
	if err != nil {
		return nil, err
	}
	if len(w.Tasks) != 1+members {
		return nil, fmt.Errorf("%d processes", len(w.Tasks))
	}
	r := &relay{}
	for i := range members {
		space := &w.Spaces[w.Tasks[1+i].Space]
		if r.own[i], err = number(image, space, ownNote); err != nil {
			return nil, err
		}
		if r.common[i], err = number(image, space, commonNote+8*uint64(i)); err != nil {
			return nil, err
		}
	}
	for _, o := range w.Open {
		switch {
		case o.Pipe != nil && !o.Outside:
			r.underWay[0], err = numbers(content(image, w, o.Pipe.Content))
		case o.Socket != nil && len(o.Socket.Queue) > 0:
			var all []byte
			for _, m := range o.Socket.Queue {
				all = append(all, content(image, w, m.Content)...)
			}
			r.underWay[1], err = numbers(all)
		}
		if err != nil {
			return nil, err
		}
	}
	return r, nil
}

func number(image []byte, space *world.Space, at uint64) (uint64, error) {
	for _, v := range space.VMAs {
		if uint64(v.Start) <= at && at < uint64(v.End) {
			return binary.LittleEndian.Uint64(image[v.ImageOffset+int64(at-uint64(v.Start)):]), nil
		}
	}
	return 0, fmt.Errorf("no memory at %#x", at)
}

func content(image []byte, w *world.World, index int) []byte {
	if index == world.NoIndex {
		return nil
	}
	c := w.Contents[index]
	return image[c.Offset : c.Offset+c.Size]
}

func numbers(b []byte) (all []uint64, err error) {
	for ; len(b) >= 8; b = b[8:] {
		all = append(all, binary.LittleEndian.Uint64(b))
	}
	if len(b) > 0 {
		return nil, errors.New("a part of a number is under way")
	}
	return all, nil
}

// relayed is the tree, at work.
type relayed struct {
	*cycle.Stage
	program *cycle.Process
}

// image takes one, and looks into it.
func (s *relayed) image(t *testing.T) *relay {
	t.Helper()
	var out, text bytes.Buffer
	var err error
	cycle.Again(func() string {
		out.Reset()
		text.Reset()
		cmd := s.Tool("snapcat", "--raw", "process:"+strconv.Itoa(s.program.PID))
		cmd.Stdout, cmd.Stderr = &out, &text
		err = cmd.Run()
		return text.String()
	})
	if err != nil {
		t.Fatalf("snapcat: %v: %s", err, &text)
	}
	r, err := readRelay(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestTreeAtomic takes image after image of a tree that never rests, each of which has to be of
// one moment. That it would be seen if it weren't is shown by mixing them: an
// image of which one member is of the image before is what one gets who takes the
// processes one after the other.
func TestTreeAtomic(t *testing.T) {
	cycle.Need(t, "gcc")
	program := cycle.Compile(t, "programs/relay.c", "-I../table/programs")
	stage := cycle.NewStage(t, cycle.Unprivileged)
	s := &relayed{stage, stage.Start(t, program, stage.Dir)}
	s.Await(t, s.program, "ready")
	before := s.image(t)
	images, seen := times(200, 1000), 0
	for i := range images {
		r := s.image(t)
		if err := r.torn(); err != nil {
			t.Fatalf("image %d: %v", i, err)
		}
		for member := range members {
			mixed := *r
			mixed.own[member], mixed.common[member] = before.own[member], before.common[member]
			if mixed.torn() != nil {
				seen++
			} else if r.own[member] > before.own[member]+members {
				t.Fatalf("image %d: that member %d is of the image before is not seen", i, member)
			}
		}
		before = r
	}
	if seen < images {
		t.Errorf("of %d images, %d would have been seen to be torn", images*members, seen)
	}
	s.Write(t, "go", "")
	status := s.program.Status(t)
	if verdict := s.Read(t, "result"); verdict != "ok" || status != 0 {
		t.Errorf("status %d, verdict %q\n%s", status, verdict, s.program.Text())
	}
}
