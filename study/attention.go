package study

import (
	"errors"
	"fmt"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
)

// attention asks whether the fully-connected layers of a vision transformer
// memorize more than its attention (Tables 2 and 10). Delta is the paper's: of
// attention against the sum behind the block before, of the fully-connected layers
// against the sum behind the attention.
var attention = Study{Name: "attention", Source: "T2, T10", Title: "Attention against fully-connected layers",
	plan: func(l *lab) writer { return written(l.pairs(l.vit()...), writeAttention) }}

func writeAttention(r *results) (*report.Document, error) {
	table := report.Table{Name: "attention", Title: "Delta of attention and of the fully-connected layers, by block", Note: r.intervals(),
		Columns: []report.Column{{Name: "block"}, {Name: "attention, paper", Help: "Delta of LayerMem of the candidates", Digits: 4}, {Name: "fully-connected, paper", Help: "Delta of LayerMem of the candidates", Digits: 4},
			{Name: "attention, controlled", Help: "Delta of the controlled score", Digits: 4}, {Name: "fully-connected, controlled", Help: "Delta of the controlled score", Digits: 4}}}
	att, fc := report.Series{Name: "attention"}, report.Series{Name: "fully-connected"}
	var names []string
	plainGap, gap := make([]float64, len(r.scores)), make([]float64, len(r.scores))
	// The first block has none before it.
	for b := 1; r.scores[0].Of(fmt.Sprintf("blocks.%d", b), memorize.Candidate) != nil; b++ {
		deltas := func(of func(tap string) []float64) (attention, connected []float64) {
			before, block := fmt.Sprintf("blocks.%d", b-1), fmt.Sprintf("blocks.%d", b)
			return minus(of(block+".attn.proj"), of(before)), minus(of(block+".mlp.fc2"), of(block+".add1"))
		}
		plainAtt, plainFC := deltas(func(tap string) []float64 { return layerMem(r.scores, tap) })
		ownAtt, ownFC := deltas(func(tap string) []float64 { return controlled(r.scores, tap) })
		for i := range r.scores {
			plainGap[i] += plainFC[i] - plainAtt[i]
			gap[i] += ownFC[i] - ownAtt[i]
		}
		names = append(names, fmt.Sprintf("block %d", b+1))
		row := []report.Cell{report.Text(names[len(names)-1]), interval(plainAtt), interval(plainFC), interval(ownAtt), interval(ownFC)}
		table.Rows = append(table.Rows, row)
		push(&att, row[3])
		push(&fc, row[4])
	}
	if len(names) == 0 {
		return nil, errors.New("found no blocks among the taps that were scored, expected those of a vision transformer")
	}
	for i := range gap {
		gap[i] /= float64(len(names))
		plainGap[i] /= float64(len(names))
	}
	claim := r.judge(report.Claim{ID: "attention.fc", Source: "T2, T10", Statement: "Fully-connected layers memorize more than attention.",
		Rule:  "The number is Delta of the fully-connected layers minus Delta of attention, of the controlled score, mean over the blocks but the first, one for each pair.",
		Paper: "Delta .011 to .023 against .006 to .009, in all 11 blocks (T10)", Plain: intervalOf(plainGap)},
		"Delta of fully-connected minus that of attention, controlled, mean over blocks", gap)
	return &report.Document{
		Lead:   []string{fmt.Sprintf("%s In numbers: %s.", r.trained(), claim.Why)},
		Claims: []report.Claim{claim},
		Sections: []report.Section{{Title: "By block", Tables: []report.Table{table}, Charts: []report.Chart{{Name: "attention", Title: "Delta of the controlled score", Kind: report.Bar,
			X: "block", Y: "Delta", Categories: names, Series: []report.Series{att, fc}, Reference: []report.Reference{{Y: 0}}}}}},
	}, nil
}
