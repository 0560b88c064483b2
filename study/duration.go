package study

// How does memorization depend on the epochs and on the number of images? (ours)

import (
	"fmt"

	"github.com/locimem/locimem/report"
)

var (
	claimEpochs = Claim{
		ID:        "duration.epochs",
		Source:    "ours",
		Statement: "Longer training memorizes more.",
		Rule:      ruleMoreMemorized,
		Number:    "the controlled score of all minus half of the epochs",
	}
	claimFewerImages = Claim{
		ID:        "duration.images",
		Source:    "ours",
		Statement: "Fewer images are memorized more.",
		Rule:      ruleMoreMemorized,
		Number:    "the controlled score of half minus all of the images",
	}
	claimSameSteps = Claim{
		ID:        "duration.steps",
		Source:    "ours",
		Statement: "Fewer images are memorized more in the same number of steps.",
		Rule:      ruleMoreMemorized,
		Number:    "the controlled score of half of the images for all epochs minus all of them for half",
	}
	claimEpochUnits = Claim{
		ID:        "duration.units",
		Source:    "ours, F4",
		Statement: "Longer training raises UnitMem.",
		Paper:     "a figure without numbers",
		Rule:      ruleMoreSelective,
		Number:    "UnitMem of all minus half of the epochs",
	}
)

const leadDuration = `Pairs were trained for all and for half of the scale's epochs, each on all and on about
	half of its images. The number of candidates is the same. Half of the images at the same epochs are half of
	the steps, and so are all images for half of the epochs.`

var duration = Register(Study{
	Name:   "duration",
	Source: "ours",
	Title:  "Duration of the training and number of images",
	Place:  260,
	Design: func(plan *Planner) Writer {
		base := plan.Recipe(0)
		epochs, own, shared := base.Train.Epochs, base.Split.Candidate, base.Split.Shared
		fewShared := max(0, (shared-own)/2)
		half := fmt.Sprintf("train.epochs=%d", epochs/2)
		fewer := []string{"split.mode=random", fmt.Sprintf("split.shared=%d", fewShared)}
		name := func(epochs, shared int) string { return fmt.Sprintf("%d epochs, %d images", epochs, shared+own) }
		all := []variant{
			plan.variant(name(epochs, shared)),
			plan.variant(name(epochs/2, shared), half),
			plan.variant(name(epochs, fewShared), fewer...),
			plan.variant(name(epochs/2, fewShared), append([]string{half}, fewer...)...),
		}
		return func(x *Reader) (*report.Document, error) {
			c, err := x.compare("epochs and images", all)
			if err != nil {
				return nil, err
			}
			return &report.Document{
				Lead:     []string{prose(leadDuration)},
				Claims:   durationClaims(x, c),
				Sections: c.sections,
			}, nil
		}
	},
})

// durationClaims judges the claims. The variants are all epochs and all images, half of the
// epochs, half of the images, and half of both.
func durationClaims(x *Reader, c *comparison) []report.Claim {
	return []report.Claim{
		x.moreMemorized(claimEpochs, c, 0, 1),
		x.moreMemorized(claimFewerImages, c, 2, 0),
		x.moreMemorized(claimSameSteps, c, 2, 1),
		x.moreSelective(claimEpochUnits, c, 0, 1),
	}
}
