package study

import (
	"fmt"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
)

// overlap asks what becomes of the scores if f and g share fewer images, down to none,
// with as many images for each: a question that readers of SSLMem asked.
var overlap = Study{Name: "overlap", Source: "ours", Title: "Images that f and g share", plan: func(l *lab) writer {
	base := l.recipe(0)
	n := base.Split.Shared + base.Split.Candidate
	most := 100 * base.Split.Shared / n
	var usual []string
	points := base.Split.Candidate
	if d := data.SourceOf(base.Data.Name); d != nil {
		if images, _ := d.Images(base.Data.Variant); 2*n > images { // too few for disjoint sets of that size
			n = images / 2
			points = min(points, n-n*most/100)
			usual = sharing(base, n, most, points)
		}
	}
	scored := func(percent int, sets []string) variant {
		g := l.pairs(sets...)
		return variant{name: fmt.Sprintf("%d %%", percent), f: g.f(), pairs: g}
	}
	all := []variant{scored(most, usual)}
	for _, percent := range []int{50, 0} {
		all = append(all, scored(percent, sharing(base, n, percent, points)))
	}
	return func(x *reader) (*report.Document, error) {
		c, sections, err := x.compare("share of the images that both have", all)
		if err != nil {
			return nil, err
		}
		return &report.Document{
			Lead: []string{fmt.Sprintf("f and g were trained on %d images each, of which they share some; as many candidates and independents are scored in all cases.", n)},
			Claims: []report.Claim{x.sameScore(report.Claim{ID: "overlap.same", Source: "ours", Statement: "The controlled score does not depend on how many images f and g share.",
				Plain: intervalOf(minus(c.plain[2], c.plain[0])),
				Rule:  "The number is the controlled score of disjoint f and g minus that of the largest overlap, mean of the last three convolutions, one for each seed."},
				"the controlled score of disjoint encoders minus that of overlapping ones", minus(c.deep[2], c.deep[0]), c.deep[0])},
			Sections: sections,
		}, nil
	}
}}

// sharing returns the changes by which f and g have n images each and share a part of
// them, and so many points are scored.
func sharing(base *recipe.Recipe, n, percent, points int) []string {
	shared := n * percent / 100
	own := n - shared
	sets := []string{"split.mode=random", fmt.Sprintf("split.shared=%d", shared), fmt.Sprintf("split.candidate=%d", own), fmt.Sprintf("split.independent=%d", own),
		fmt.Sprintf("score.points.candidate=%d", points), fmt.Sprintf("score.points.independent=%d", points)}
	if base.Data.Name == "synthetic" {
		sets = append(sets, fmt.Sprintf("data.synthetic.train=%d", shared+2*own))
	}
	return sets
}
