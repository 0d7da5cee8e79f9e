// The text that shows how far a tool has come.

package progress

import (
	"fmt"
	"strings"
	"time"

	"snappipe/cmd/internal/human"
)

// line makes the text that shows how far a tool has come.
type line struct {
	name  string
	total int64
	gauge Gauge

	last time.Time
	done int64
	rate float64 // bytes a second, of late
}

func newLine(name string, total int64, g Gauge) *line {
	return &line{name: name, total: total, gauge: g, last: time.Now()}
}

// smoothing is the weight of the time since the last tick in the rate: the
// rate follows a change within some two seconds.
const smoothing = 0.2

// text returns the line as of now, "" as long as there is nothing to say.
func (l *line) text(now time.Time) string {
	image, stream := l.gauge()
	first := l.rate == 0
	current := float64(image-l.done) / now.Sub(l.last).Seconds()
	l.done, l.last = image, now
	if l.rate += smoothing * (current - l.rate); first {
		l.rate = current
		return ""
	}
	return l.format(image, stream)
}

func (l *line) format(image, stream int64) string {
	parts := []string{fmt.Sprintf("%s of %s", human.Bytes(image), human.Bytes(l.total))}
	if l.total > 0 {
		parts = append(parts, fmt.Sprintf("%d%%", int64(100*float64(image)/float64(l.total))))
	}
	parts = append(parts, human.Bytes(int64(l.rate))+"/s")
	if l.rate >= 1 {
		left := time.Duration(float64(l.total-image) / l.rate * float64(time.Second))
		parts = append(parts, human.Duration(left)+" left")
	}
	parts = append(parts, "ratio "+human.Ratio(image, stream))
	return l.name + ": " + strings.Join(parts, "  ")
}
