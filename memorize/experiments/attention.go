package experiments

import (
	"context"
	"fmt"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/study/graph"
	"github.com/locimem/locimem/report"
)

// attention asks whether the fully-connected layers of a vision transformer
// memorize more than its attention (Tables 2 and 10). Delta is the paper's: of
// attention against the sum behind the block before, of the fully-connected layers
// against the sum behind the attention.
var attention = Study{
	Name: "attention", Source: "T2, T10", Title: "Attention against fully-connected layers",
	Plan: func(s Setting) (*Plan, error) {
		c, err := s.scale()
		if err != nil {
			return nil, err
		}
		if c.vit == nil {
			return nil, fmt.Errorf("study attention has no scale %s yet, only tiny and mini", s.Scale)
		}
		pairs, err := s.plainPairs(c.vit...)
		if err != nil {
			return nil, err
		}
		p := &Plan{}
		for _, q := range pairs {
			p.Steps = append(p.Steps, q.score)
		}
		p.Report = func(_ context.Context, st *graph.Store) (*report.Document, error) {
			return reportAttention(s, st, pairs, p.Steps)
		}
		return p, nil
	},
}

func reportAttention(s Setting, st *graph.Store, pairs []pair, steps []*graph.Step) (*report.Document, error) {
	all, err := scored(st, pairs)
	if err != nil {
		return nil, err
	}
	table := report.Table{Name: "attention", Title: "Delta of attention and of the fully-connected layers, by block",
		Note: fmt.Sprintf("Means over %d pairs with 95 %% intervals of Student's t over pairs.", len(pairs)),
		Columns: []report.Column{{Name: "block"}, {Name: "attention, paper", Help: "Delta of LayerMem of the candidates", Digits: 4}, {Name: "fully-connected, paper", Help: "Delta of LayerMem of the candidates", Digits: 4},
			{Name: "attention, controlled", Help: "Delta of the controlled score", Digits: 4}, {Name: "fully-connected, controlled", Help: "Delta of the controlled score", Digits: 4}}}
	att, fc := report.Series{Name: "attention"}, report.Series{Name: "fully-connected"}
	var names []string
	plainGap, gap := make([]float64, len(all)), make([]float64, len(all))
	blocks := 0
	for b := 1; all[0].value[fmt.Sprintf("blocks.%d", b)] != nil; b++ {
		blocks++
		tap := func(format string, n int) string { return fmt.Sprintf(format, n) }
		delta := func(of func(string) []float64) (a, f []float64) {
			return minus(of(tap("blocks.%d.attn.proj", b)), of(tap("blocks.%d", b-1))), minus(of(tap("blocks.%d.mlp.fc2", b)), of(tap("blocks.%d.add1", b)))
		}
		pa, pf := delta(func(t string) []float64 { return over(all, t, memorize.Candidate) })
		ca, cf := delta(func(t string) []float64 { return controlled(all, t) })
		for i := range all {
			plainGap[i] += pf[i] - pa[i]
			gap[i] += cf[i] - ca[i]
		}
		names = append(names, fmt.Sprintf("block %d", b+1))
		ci, cj := interval(ca), interval(cf)
		table.Rows = append(table.Rows, []report.Cell{report.Text(names[len(names)-1]), interval(pa), interval(pf), ci, cj})
		push(&att, ci)
		push(&fc, cj)
	}
	if blocks == 0 {
		return nil, fmt.Errorf("found no blocks among the taps that were scored, expected those of a vision transformer")
	}
	for i := range gap {
		gap[i] /= float64(blocks)
		plainGap[i] /= float64(blocks)
	}
	plainCell, _, _ := above("", plainGap)
	cell, verdict, why := above("Delta of fully-connected minus that of attention, controlled, mean over blocks", gap)
	facts, err := provenance(st, steps)
	if err != nil {
		return nil, err
	}
	return &report.Document{
		Title: "Attention against fully-connected layers, " + s.Scale + " scale",
		Lead:  []string{fmt.Sprintf("%d pairs of encoders (%s) were trained on the same split with other seeds, and scored. In numbers: %s.", len(pairs), pairs[0].recipe.Describe(), why)},
		Claims: []report.Claim{{ID: "attention.fc", Source: "T2, T10", Statement: "Fully-connected layers memorize more than attention.",
			Rule:  "The number is Delta of the fully-connected layers minus Delta of attention, of the controlled score, mean over the blocks but the first, one for each pair. " + ruleAbove,
			Paper: "Delta .011 to .023 against .006 to .009, in all 11 blocks (T10)", Plain: plainCell, Controlled: cell, Verdict: verdict, Why: why, Command: s.command("attention")}},
		Sections: []report.Section{{Title: "By block", Tables: []report.Table{table}, Charts: []report.Chart{{Name: "attention", Title: "Delta of the controlled score", Kind: report.Bar,
			X: "block", Y: "Delta", Categories: names, Series: []report.Series{att, fc}, Reference: []report.Reference{{Y: 0}}}}}},
		Provenance: facts,
	}, nil
}
