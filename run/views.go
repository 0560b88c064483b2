package run

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/data/augment"
)

// augmenters makes what makes views, of training and of scoring.
func (l *Lab) augmenters() error {
	h, w, c := l.Train.Shape()
	augmenter := func(section string, config augment.Config) (*augment.Augmenter, error) {
		a, err := augment.New(config, h, w, c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", section, err)
		}
		return a, nil
	}
	r := l.Recipe
	var err error
	if l.Augment, err = augmenter("augment", r.Augment); err != nil {
		return err
	}
	l.ScoreViews = l.Augment
	if r.Score.Augment != nil {
		if l.ScoreViews, err = augmenter("score.augment", r.ScoreView()); err != nil {
			return err
		}
	}
	if r.Augment.Second != nil {
		second, err := augmenter("augment.second", r.SecondView())
		if err != nil {
			return err
		}
		l.Views = []*augment.Augmenter{nil, second}
	}
	if r.Method.Name == "dino" && r.Method.LocalCrops > 0 {
		crops, err := augmenter("augment, for small views", r.LocalView())
		if err != nil {
			return err
		}
		l.Views = slices.Concat(append(l.Views, nil, nil)[:2], slices.Repeat([]*augment.Augmenter{crops}, r.Method.LocalCrops))
	}
	return nil
}
