package progress

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// lockedBuffer may be written by the drawing goroutine while a test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestLinesAreThrottled(t *testing.T) {
	var out bytes.Buffer
	u := NewWriter(&out, false)
	now := time.Unix(1000, 0)
	u.now = func() time.Time { return now }
	b := u.Bar("f", "images", 3000, 0)
	for epoch := 1; epoch <= 30; epoch++ {
		now = now.Add(time.Second)
		b.Set(epoch * 100)
		b.Note("epoch %d/30", epoch)
	}
	b.Finish("30 epochs")
	b.Set(5)
	b.Note("after the end")
	u.Printf("all %s", "done")
	u.Close()
	assert.Equal(t, strings.Join([]string{
		"f  epoch 1/30  100 images/s  29s left",
		"f  epoch 11/30  100 images/s  19s left",
		"f  epoch 21/30  100 images/s  9.0s left",
		"f  30 epochs", "all done", ""}, "\n"), out.String())
}

func TestTerminalKeepsSummaryAndLines(t *testing.T) {
	var out lockedBuffer
	u := NewWriter(&out, true)
	b := u.Bar("f", "images", 100, 40)
	c := u.Bar("g", "images", 100, 0)
	b.Set(70)
	b.Note("loss 1.5")
	u.Printf("a line")
	time.Sleep(400 * time.Millisecond)
	b.Set(100)
	b.Finish("f took %d s", 3)
	c.Set(10)
	u.Close()
	u.Printf("after")
	s := out.String()
	for _, want := range []string{"a line", "loss 1.5", "70%", "━", "f took 3 s", "10%", "after\n"} {
		assert.Contains(t, s, want)
	}
	assert.Less(t, strings.Index(s, "a line"), strings.Index(s, "f took"))
}

func TestCloseWithoutBars(t *testing.T) {
	u := NewWriter(io.Discard, false)
	u.Close()
	u.Bar("x", "images", 10, 0).Set(3)
	u.Close()
	u.Close()
}

func TestRateFollowsChange(t *testing.T) {
	var m meter
	now := time.Unix(0, 0)
	m.reset(now, 500)
	done := 500
	step := func(n int) {
		now = now.Add(time.Second)
		done += n
		m.at(now, done)
	}
	step(100)
	assert.InDelta(t, 100, m.rate, 1e-9, "what was done before the start does not count")
	for range 120 {
		step(10)
	}
	assert.InDelta(t, 10, m.rate, .1)
}

func TestCountAndDuration(t *testing.T) {
	for v, want := range map[float64]string{0: "0", .1234: "0.123", 12.34: "12.3", 99.96: "100", 999.6: "1,000",
		1234567: "1,234,567"} {
		assert.Equal(t, want, Count(v))
	}
	for d, want := range map[time.Duration]string{85e7: "850ms", 42e8: "4.2s", 599e8: "59s", 185e9: "3m05s",
		7620e9: "2h07m"} {
		assert.Equal(t, want, Duration(d))
	}
}
