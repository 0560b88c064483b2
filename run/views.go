package run

import (
	"fmt"
	"reflect"

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
	// Views of the same kind have one augmenter.
	last, made := r.Augment, (*augment.Augmenter)(nil)
	for i, config := range r.Views() {
		if !reflect.DeepEqual(config, last) {
			section := fmt.Sprintf("augment, view %d", i+1)
			if i == 1 && r.Augment.Second != nil {
				section = "augment.second"
			}
			if made, err = augmenter(section, config); err != nil {
				return err
			}
			last = config
		}
		l.Views = append(l.Views, made)
	}
	if made == nil { // all are of one kind
		l.Views = nil
	}
	return nil
}
