package progress

import (
	"fmt"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// barWidth is the width of a bar in characters; the numbers need the rest of 80.
const barWidth = 22

// nameWidth is the room for a name, so that bars stand one below another.
const nameWidth = 17

// draw makes the bar on the terminal:
//
//	train f ━━━━━━━━───────  42%  epoch 51/120  loss 4.31 (chance 6.24)  4,812 images/s  5m10s left
//
// and, when finished, "train f  " and the summary.
func (b *Bar) draw(p *mpb.Progress) *mpb.Bar {
	style := mpb.BarStyle().Lbound("").Filler("━").Tip("━").Padding("─").Rbound("")
	return p.New(int64(b.total), style,
		mpb.BarWidth(barWidth),
		mpb.BarFillerClearOnComplete(),
		mpb.BarFillerTrim(),
		mpb.PrependDecorators(decor.Name(fmt.Sprintf("%-*s", nameWidth, b.name))),
		mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string { return b.text(s.Completed) })))
}

// text is what stands to the right of the bar.
func (b *Bar) text(completed bool) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if completed {
		return b.summary
	}
	text := fmt.Sprintf(" %3d%%", 100*b.done/max(b.total, 1))
	if b.note != "" {
		text += "  " + b.note
	}
	return text + b.pace()
}
