package study

// What happens to the scores if f and g share fewer images, down to none, with the same
// number of images for each? (ours; readers of SSLMem asked)

import (
	"fmt"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
)

var claimOverlap = Claim{
	ID:        "overlap.same",
	Source:    "ours",
	Statement: "The controlled score does not depend on how many images f and g share.",
	Rule: `The number is the controlled score of disjoint f and g minus that of the largest overlap, mean of the
		last three convolutions, one for each seed; plain: the same for LayerMem of the candidates.`,
	Number: "the controlled score of disjoint encoders minus that of overlapping ones",
}

const leadOverlap = `f and g were trained on %d images each, and share some of them. The same number of candidates and
	independents is scored in all cases.`

var overlap = Register(Study{
	Name:   "overlap",
	Source: "ours",
	Title:  "Images that f and g share",
	Place:  250,
	Design: func(plan *Planner) Writer {
		s := sharingOf(plan.Recipe(0))
		scored := func(percent int, sets []string) variant {
			g := plan.TrainPairs(sets...)
			return variant{name: fmt.Sprintf("%d %%", percent), f: g.f(), pairs: g}
		}
		all := []variant{scored(s.most, s.usual)}
		for _, percent := range []int{50, 0} {
			all = append(all, scored(percent, s.sets(percent)))
		}
		return func(x *Reader) (*report.Document, error) {
			c, err := x.compare("share of the images that both have", all)
			if err != nil {
				return nil, err
			}
			return &report.Document{
				Lead: []string{prosef(leadOverlap, s.images)},
				Claims: []report.Claim{x.sameScore(claimOverlap, minus(c.layerMem[2], c.layerMem[0]),
					minus(c.controlled[2], c.controlled[0]), c.controlled[0])},
				Sections: c.sections,
			}, nil
		}
	},
})

// sharing says how many images each encoder has, and how many of them it shares.
type sharing struct {
	base   *recipe.Recipe
	images int      // of each encoder
	points int      // scored in each set
	most   int      // the largest share that both have, in percent
	usual  []string // changes for that share; none if it is that of the recipe
}

// sharingOf takes the images of the recipe, or half of all images if there are too few for
// disjoint sets.
func sharingOf(base *recipe.Recipe) sharing {
	n := base.Split.Shared + base.Split.Candidate
	s := sharing{base: base, images: n, points: base.Split.Candidate, most: 100 * base.Split.Shared / n}
	if d := data.SourceOf(base.Data.Name); d != nil {
		if images, _ := d.Images(base.Data.Variant); 2*n > images {
			s.images = images / 2
			s.points = min(s.points, s.images-s.images*s.most/100)
			s.usual = s.sets(s.most)
		}
	}
	return s
}

// sets returns the changes by which f and g share that percentage of their images.
func (s sharing) sets(percent int) []string {
	shared := s.images * percent / 100
	own := s.images - shared
	sets := []string{
		"split.mode=random",
		fmt.Sprintf("split.shared=%d", shared),
		fmt.Sprintf("split.candidate=%d", own),
		fmt.Sprintf("split.independent=%d", own),
		fmt.Sprintf("score.points.candidate=%d", s.points),
		fmt.Sprintf("score.points.independent=%d", s.points),
	}
	if s.base.Data.Name == "synthetic" {
		sets = append(sets, fmt.Sprintf("data.synthetic.train=%d", shared+2*own))
	}
	return sets
}
