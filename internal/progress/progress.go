// Package progress shows how far long work has come: bars on a terminal, plain
// lines at a bearable rate anywhere else.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
)

// UI writes messages and bars to one writer. Its methods may be called from
// several goroutines.
type UI struct {
	mu    sync.Mutex
	w     io.Writer
	tty   bool
	multi *mpb.Progress // nil while no bar was shown
	bars  []*Bar
	every time.Duration // least time between two plain lines of a bar
	now   func() time.Time
}

// NewWriter returns a UI that writes to w, with bars if tty is true.
func NewWriter(w io.Writer, tty bool) *UI {
	return &UI{w: w, tty: tty, every: 10 * time.Second, now: time.Now}
}

// Printf writes one line; above the bars, if there are any.
func (u *UI) Printf(format string, args ...any) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.println(fmt.Sprintf(format, args...))
}

func (u *UI) println(line string) {
	w := u.w
	if u.multi != nil {
		// The return covers a ^C that the terminal has just echoed.
		w, line = u.multi, "\r"+line
	}
	fmt.Fprintln(w, line)
}

// Close ends all bars as they are and waits until they are drawn. The UI can be
// used again afterwards.
func (u *UI) Close() {
	u.mu.Lock()
	multi, bars := u.multi, u.bars
	u.multi, u.bars = nil, nil
	u.mu.Unlock()
	for _, b := range bars {
		b.stop()
	}
	if multi != nil {
		multi.Wait()
	}
}

// Bar is one piece of work of known size. All methods may be called from any
// goroutine.
type Bar struct {
	ui    *UI
	bar   *mpb.Bar // nil without a terminal
	name  string
	unit  string
	total int

	mu       sync.Mutex
	start    time.Time
	done     int
	meter    meter
	note     string
	summary  string
	lastLine time.Time
	stopped  bool
}

// Bar starts showing work named name of total units, of which done are done
// already. The unit, such as "images", names the rate.
func (u *UI) Bar(name, unit string, total, done int) *Bar {
	u.mu.Lock()
	defer u.mu.Unlock()
	b := &Bar{ui: u, name: name, unit: unit, total: total, start: u.now(), done: done}
	b.meter.reset(u.now(), done)
	if u.tty {
		if u.multi == nil {
			u.multi = mpb.New(mpb.WithOutput(u.w), mpb.WithRefreshRate(150*time.Millisecond),
				mpb.ForceAutoRefresh(), mpb.PopCompletedMode())
		}
		b.bar = b.draw(u.multi)
		b.bar.SetCurrent(int64(done))
	}
	u.bars = append(u.bars, b)
	return b
}

// Set says that done units are done by now.
func (b *Bar) Set(done int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return
	}
	b.done = min(done, b.total)
	b.meter.at(b.ui.now(), done)
	// The last unit is drawn by Finish, so that its summary is.
	if b.bar != nil && b.done < b.total {
		b.bar.SetCurrent(int64(b.done))
	}
}

// Note replaces the text that stands beside the numbers. Without a terminal it
// is written as a line, unless the last one was written a short time ago.
func (b *Bar) Note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note = fmt.Sprintf(format, args...)
	now := b.ui.now()
	if b.bar != nil || b.stopped || now.Sub(b.lastLine) < b.ui.every {
		return
	}
	b.lastLine = now
	b.ui.Printf("%s  %s%s%s", b.name, b.note, b.rate(), b.left())
}

// Finish ends the work with a summary, which stays to be read.
func (b *Bar) Finish(format string, args ...any) {
	b.mu.Lock()
	b.summary = fmt.Sprintf(format, args...)
	stopped := b.stopped
	b.stopped = true
	b.mu.Unlock()
	if stopped {
		return
	}
	if b.bar == nil {
		b.ui.Printf("%s  %s", b.name, b.summary)
		return
	}
	b.bar.SetTotal(int64(b.total), true)
	b.bar.Wait()
}

// stop leaves the bar as it is.
func (b *Bar) stop() {
	b.mu.Lock()
	stopped := b.stopped
	b.stopped = true
	b.mu.Unlock()
	if b.bar != nil && !stopped {
		b.bar.Abort(false)
		b.bar.Wait()
	}
}

// left returns the remaining time in words, "" while unknown.
func (b *Bar) left() string {
	if b.meter.rate <= 0 {
		return ""
	}
	left := time.Duration(float64(b.total-b.done) / b.meter.rate * float64(time.Second))
	return "  " + Duration(left) + " left"
}

// rate returns the rate in words, "" while unknown.
func (b *Bar) rate() string {
	if b.meter.rate <= 0 {
		return ""
	}
	return fmt.Sprintf("  %s %s/s", Count(b.meter.rate), b.unit)
}
