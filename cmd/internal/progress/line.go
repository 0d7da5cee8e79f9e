// The line of progress, and what it is made from.

package progress

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"snappipe/cmd/internal/human"
)

// line makes what shows how far a tool has come.
type line struct {
	name  string
	total int64
	gauge Gauge

	start, last time.Time
	done        int64
	steps       int // how often there was more done than the time before

	// What was done of late, and in what time: their quotient is the rate.
	bytes, seconds float64
}

func newLine(name string, total int64, g Gauge) *line {
	now := time.Now()
	return &line{name: name, total: total, gauge: g, start: now, last: now}
}

const (
	// memory is for how long the past counts in the rate: what was done so many
	// seconds ago does a third as much as what is done now. A slow codec is done
	// with all its cores' frames at about the same time, many seconds apart.
	memory = 15.0
	// sure is how many steps have to be seen before they tell when the last one
	// will be, unless much is done by then.
	sure = 3
)

// status is what there is to say at a time.
type status struct {
	image, stream int64
	rate          float64 // bytes of the image a second
	left          time.Duration
	leftKnown     bool
}

func (l *line) status(now time.Time) status {
	image, stream := l.gauge()
	passed := now.Sub(l.last).Seconds()
	fade := math.Exp(-passed / memory)
	l.bytes = l.bytes*fade + float64(image-l.done)
	l.seconds = l.seconds*fade + passed
	if image > l.done {
		l.steps++
	}
	l.done, l.last = image, now

	s := status{image: image, stream: stream}
	if l.seconds > 0 {
		s.rate = l.bytes / l.seconds
	}
	told := l.steps >= sure || image >= l.total/4
	if s.leftKnown = told && s.rate >= 1; s.leftKnown {
		s.left = time.Duration(float64(l.total-image) / s.rate * float64(time.Second))
	}
	return s
}

// text returns the line as of now.
func (l *line) text(now time.Time) string {
	s := l.status(now)
	parts := []string{fmt.Sprintf("%s of %s", human.Bytes(s.image), human.Bytes(l.total))}
	if l.total > 0 {
		parts = append(parts, fmt.Sprintf("%d%%", int64(100*float64(s.image)/float64(l.total))))
	}
	parts = append(parts, human.Bytes(int64(s.rate))+"/s")
	if s.leftKnown {
		parts = append(parts, human.Duration(s.left)+" left")
	}
	parts = append(parts, "ratio "+human.Ratio(s.image, s.stream))
	return l.name + ": " + strings.Join(parts, "  ")
}

// json returns the same for programs. Where restic(1) has such a field in what
// its --json writes, it has this name.
func (l *line) json(now time.Time) (string, error) {
	s := l.status(now)
	status := struct {
		Type    string   `json:"message_type"`
		Tool    string   `json:"tool"`
		Elapsed float64  `json:"seconds_elapsed"`
		Left    *float64 `json:"seconds_remaining,omitempty"` // if that can be told
		Part    float64  `json:"percent_done"`                // from 0 to 1
		Total   int64    `json:"total_bytes"`
		Done    int64    `json:"bytes_done"`
		Stream  int64    `json:"stream_bytes"`
		Rate    float64  `json:"bytes_per_second"`
	}{
		Type: "status", Tool: l.name, Elapsed: now.Sub(l.start).Seconds(), Part: 1,
		Total: l.total, Done: s.image, Stream: s.stream, Rate: s.rate,
	}
	if l.total > 0 {
		status.Part = float64(s.image) / float64(l.total)
	}
	if s.leftKnown {
		left := s.left.Seconds()
		status.Left = &left
	}
	b, err := json.Marshal(status)
	return string(b), err
}
