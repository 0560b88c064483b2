package run

import (
	"slices"
	"sync"

	"github.com/locimem/locimem/data"
)

// held are the synthetic sets that were drawn last, at most maxDrawn of them, while
// somebody holds them (HoldSynthetic). Large ones are drawn again, so that their memory is
// free after use.
var held struct {
	sync.Mutex
	holders int
	options []data.SyntheticOptions
	sets    []data.Dataset
}

const (
	maxDrawn      = 4
	maxDrawnBytes = 64 << 20
)

// HoldSynthetic keeps synthetic sets for whoever opens the same ones again, until release
// is called: all steps of a study do, and drawing takes as long as much of the scoring.
func HoldSynthetic() (release func()) {
	held.Lock()
	defer held.Unlock()
	held.holders++
	return sync.OnceFunc(func() {
		held.Lock()
		defer held.Unlock()
		if held.holders--; held.holders == 0 {
			held.options, held.sets = nil, nil
		}
	})
}

// synthetic is data.NewSynthetic of sets that nobody changes.
func synthetic(o data.SyntheticOptions) (data.Dataset, error) {
	held.Lock()
	defer held.Unlock()
	if i := slices.Index(held.options, o); i >= 0 {
		return held.sets[i], nil
	}
	d, err := data.NewSynthetic(o)
	if err != nil {
		return nil, err
	}
	if h, w, c := d.Shape(); held.holders == 0 || d.Len()*h*w*c > maxDrawnBytes {
		return d, nil
	}
	if len(held.sets) == maxDrawn {
		held.options, held.sets = held.options[1:], held.sets[1:]
	}
	held.options, held.sets = append(held.options, o), append(held.sets, d)
	return d, nil
}
