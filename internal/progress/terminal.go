package progress

import (
	"fmt"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// barWidth is the width of a bar in characters where there is room for it.
const barWidth = 22

// wide is the width of a terminal that has room for the rate, too.
const wide = 100

// draw makes the bar on the terminal:
//
//	f  ━━━━━━━━━━───────────  42%  5m10s left  epoch 51/120  loss 4.31 (chance 6.24)  4,812 images/s
//
// and, when finished, "f  " and the summary. In a narrow terminal the bar
// shrinks first; what stands last is the least important.
func (b *Bar) draw(p *mpb.Progress) *mpb.Bar {
	style := mpb.BarStyle().Lbound("").Filler("━").Tip("━").Padding("─").Rbound("")
	return p.New(int64(b.total), style,
		mpb.BarWidth(barWidth),
		mpb.BarFillerClearOnComplete(),
		mpb.BarFillerTrim(),
		mpb.PrependDecorators(decor.Name(b.name+"  ")),
		mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string { return b.text(s) })))
}

// text is what stands to the right of the bar.
func (b *Bar) text(s decor.Statistics) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.Completed {
		return b.summary
	}
	text := fmt.Sprintf(" %3d%%%s", 100*b.done/max(b.total, 1), b.left())
	if b.note != "" {
		text += "  " + b.note
	}
	if s.AvailableWidth >= wide-len(b.name) {
		text += b.rate()
	}
	return text
}
