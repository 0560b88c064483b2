package run

import (
	"slices"
	"sync"

	"github.com/locimem/locimem/data"
)

// lastDrawn are the synthetic sets that this process drew last, at most maxDrawn of
// them: every step of a study opens the same ones, and drawing takes as long as
// much of the scoring. Large ones are drawn again, so that their memory is free after use.
var lastDrawn struct {
	sync.Mutex
	options []data.SyntheticOptions
	sets    []data.Dataset
}

const (
	maxDrawn      = 4
	maxDrawnBytes = 64 << 20
)

// synthetic is data.NewSynthetic of sets that nobody changes.
func synthetic(o data.SyntheticOptions) (data.Dataset, error) {
	lastDrawn.Lock()
	defer lastDrawn.Unlock()
	if i := slices.Index(lastDrawn.options, o); i >= 0 {
		return lastDrawn.sets[i], nil
	}
	d, err := data.NewSynthetic(o)
	if err != nil {
		return nil, err
	}
	if h, w, c := d.Shape(); d.Len()*h*w*c > maxDrawnBytes {
		return d, nil
	}
	if len(lastDrawn.sets) == maxDrawn {
		lastDrawn.options, lastDrawn.sets = lastDrawn.options[1:], lastDrawn.sets[1:]
	}
	lastDrawn.options, lastDrawn.sets = append(lastDrawn.options, o), append(lastDrawn.sets, d)
	return d, nil
}
