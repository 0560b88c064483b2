package study

import (
	"fmt"

	"github.com/locimem/locimem/report"
)

// duration asks how memorization depends on the epochs and on the number of images.
var duration = Study{Name: "duration", Source: "ours", Title: "Duration of the training and number of images", plan: func(l *lab) writer {
	base := l.recipe(0)
	half := fmt.Sprintf("train.epochs=%d", base.Train.Epochs/2)
	fewer := []string{"split.mode=random", fmt.Sprintf("split.shared=%d", max(0, (base.Split.Shared-base.Split.Candidate)/2))}
	images := func(shared int) int { return shared + base.Split.Candidate }
	many, few := images(base.Split.Shared), images(max(0, (base.Split.Shared-base.Split.Candidate)/2))
	name := func(epochs, images int) string { return fmt.Sprintf("%d epochs, %d images", epochs, images) }
	all := []variant{
		l.variant(name(base.Train.Epochs, many)),
		l.variant(name(base.Train.Epochs/2, many), half),
		l.variant(name(base.Train.Epochs, few), fewer...),
		l.variant(name(base.Train.Epochs/2, few), append([]string{half}, fewer...)...),
	}
	return func(x *reader) (*report.Document, error) {
		c, sections, err := x.compare("epochs and images", all)
		if err != nil {
			return nil, err
		}
		return &report.Document{
			Lead: []string{"Pairs were trained for all and for half of the scale's epochs, each on all and on about half of its images; the candidates are the same number. Half of the images at the same epochs are half of the steps; all of them for half of the epochs are as many."},
			Claims: []report.Claim{
				x.moreThan("duration.epochs", "ours", "Longer training memorizes more.", "", c, 0, 1, "all minus half of the epochs"),
				x.moreThan("duration.images", "ours", "Fewer images are memorized more.", "", c, 2, 0, "half minus all of the images"),
				x.moreThan("duration.steps", "ours", "Fewer images are memorized more by as many steps.", "", c, 2, 1, "half of the images for all epochs minus all of them for half"),
				x.unitsMoreThan("duration.units", "ours, F4", "Longer training raises UnitMem.", "a figure without numbers", c, 0, 1, "all minus half of the epochs"),
			},
			Sections: sections,
		}, nil
	}
}}
