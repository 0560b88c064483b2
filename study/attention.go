package study

// Do the fully-connected layers of a vision transformer memorize more than its
// attention? (Tables 2 and 10) Delta is the paper's: of attention against the sum behind
// the block before, of the fully-connected layers against the sum behind the attention.

import (
	"errors"
	"fmt"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
)

var claimAttention = Claim{
	ID:        "attention.fc",
	Source:    "T2, T10",
	Statement: "Fully-connected layers memorize more than attention.",
	Paper:     "Delta .011 to .023 against .006 to .009, in all 11 blocks (T10)",
	Rule: `The number is Delta of the fully-connected layers minus Delta of attention, for the controlled score, mean
		over all blocks but the first, one for each pair; plain: the same for LayerMem of the candidates.`,
	Number: "Delta of fully-connected minus that of attention, controlled, mean over blocks",
}

var attention = Register(Study{
	Name:   "attention",
	Source: "T2, T10",
	Title:  "Attention against fully-connected layers",
	Place:  40,
	Design: func(plan *Planner) Writer { return reportOn(plan.TrainPairs(plan.vit()...), writeAttention) },
})

// blockDelta is Delta of a block's attention and of its fully-connected layers, pair by
// pair.
type blockDelta struct{ attention, connected []float64 }

// deltaOfBlock returns Delta of a score in a block, numbered from 0. The first has no
// block before it.
func (r *Results) deltaOfBlock(block int, of func(tap string) []float64) blockDelta {
	before, own := fmt.Sprintf("blocks.%d", block-1), fmt.Sprintf("blocks.%d", block)
	return blockDelta{
		attention: minus(of(own+".attn.proj"), of(before)),
		connected: minus(of(own+".mlp.fc2"), of(own+".add1")),
	}
}

// connectedMinusAttention is Delta of the fully-connected layers minus that of attention,
// mean over blocks, pair by pair.
func connectedMinusAttention(blocks []blockDelta) []float64 {
	out := make([]float64, len(blocks[0].attention))
	for _, b := range blocks {
		for i := range out {
			out[i] += b.connected[i] - b.attention[i]
		}
	}
	for i := range out {
		out[i] /= float64(len(blocks))
	}
	return out
}

var attentionColumns = []report.Column{
	{Name: "block"},
	{Name: "attention, paper", Help: "Delta of LayerMem of the candidates", Digits: 4},
	{Name: "fully-connected, paper", Help: "Delta of LayerMem of the candidates", Digits: 4},
	{Name: "attention, controlled", Help: "Delta of the controlled score", Digits: 4},
	{Name: "fully-connected, controlled", Help: "Delta of the controlled score", Digits: 4},
}

func writeAttention(r *Results) (*report.Document, error) {
	table := report.Table{
		Name: "attention", Title: "Delta of attention and of the fully-connected layers, by block",
		Note: r.intervals(), Columns: attentionColumns,
	}
	att, fc := report.Series{Name: "attention"}, report.Series{Name: "fully-connected"}
	var names []string
	var plain, own []blockDelta
	for b := 1; r.scores[0].Of(fmt.Sprintf("blocks.%d", b), memorize.Candidate) != nil; b++ {
		p, c := r.deltaOfBlock(b, r.LayerMem), r.deltaOfBlock(b, r.Controlled)
		plain, own = append(plain, p), append(own, c)
		names = append(names, fmt.Sprintf("block %d", b+1))
		row := []report.Cell{
			report.Text(names[len(names)-1]),
			Interval(p.attention), Interval(p.connected), Interval(c.attention), Interval(c.connected),
		}
		table.Rows = append(table.Rows, row)
		push(&att, row[3])
		push(&fc, row[4])
	}
	if len(names) == 0 {
		return nil, errors.New("taps: found no blocks among those that were scored, expected those of a vision transformer")
	}
	claim := r.Judge(claimAttention, connectedMinusAttention(plain), connectedMinusAttention(own))
	chart := report.Chart{
		Name: "attention", Title: "Delta of the controlled score", Kind: report.Bar, X: "block", Y: "Delta",
		Categories: names, Series: []report.Series{att, fc}, Reference: zero,
	}
	return &report.Document{
		Lead:   []string{fmt.Sprintf("%s In numbers: %s.", r.trained(), claim.Why)},
		Claims: []report.Claim{claim},
		Sections: []report.Section{{
			Title: "By block", Tables: []report.Table{table}, Charts: []report.Chart{chart},
		}},
	}, nil
}
