package progress

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// memory is how far back the shown rate looks.
const memory = 15 * time.Second

// meter measures a rate, with the weight of the past fading over memory.
type meter struct {
	rate float64 // units a second, 0 while unknown
	last time.Time
	done int
}

func (m *meter) reset(now time.Time, done int) { *m = meter{last: now, done: done} }

func (m *meter) at(now time.Time, done int) {
	dt := now.Sub(m.last).Seconds()
	// Shorter times say little about the rate.
	if dt < .2 || done <= m.done {
		return
	}
	rate := float64(done-m.done) / dt
	if m.rate == 0 {
		m.rate = rate
	} else {
		m.rate += (rate - m.rate) * (1 - math.Exp(-dt/memory.Seconds()))
	}
	m.last, m.done = now, done
}

// Count returns a number of things for people: three digits at least, with
// commas between thousands.
func Count(v float64) string {
	if v < 99.95 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Duration returns a time for people: 850ms, 4.2s, 3m05s, 2h07m.
func Duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0fs", math.Floor(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}
