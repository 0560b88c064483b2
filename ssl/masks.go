package ssl

import (
	"math/rand/v2"
	"slices"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/nn"
)

// masks say for each image of a batch which of its patches an encoder sees. All
// lists are in ascending order.
type masks struct {
	patchesAll, visible int // of an image
	// Places among the tokens, the class token being 0: what the encoder sees,
	// the class token with it, and what it does not.
	kept, hidden [][]int
	patches      [][]int // hidden ones, counted without the class token
	order        []int   // scratch
	source       rand.PCG
}

func newMasks(patches, visible int) *masks {
	return &masks{patchesAll: patches, visible: visible, order: make([]int, patches)}
}

// resize makes room for n images.
func (k *masks) resize(n int) {
	lists := func(size int) [][]int {
		all, l := make([]int, n*size), make([][]int, n)
		for i := range l {
			l[i] = all[i*size : (i+1)*size : (i+1)*size]
		}
		return l
	}
	k.kept, k.hidden, k.patches = lists(1+k.visible), lists(k.patchesAll-k.visible), lists(k.patchesAll-k.visible)
}

// draw makes the masks of a batch of n images. That of row i is a pure function
// of the noise (nil is as a zero one) and i, in parts of a batch the row there: any set of that many visible patches
// is equally likely.
func (k *masks) draw(noise *nn.Noise, n int) {
	if noise == nil {
		noise = &nn.Noise{}
	}
	if len(k.kept) != n {
		k.resize(n)
	}
	r := rand.New(&k.source)
	for row := range n {
		rng.Reset(&k.source, noise.Seed, "mask", noise.Step, noise.Pass, noise.Row+uint64(row))
		for i := range k.order {
			k.order[i] = i
		}
		for i := range k.visible { // the beginning of a Fisher-Yates shuffle
			j := i + r.IntN(len(k.order)-i)
			k.order[i], k.order[j] = k.order[j], k.order[i]
		}
		k.set(row, k.order[:k.visible], k.order[k.visible:])
	}
}

// set gives a row its visible and hidden patches, both of which it sorts.
func (k *masks) set(row int, visible, hidden []int) {
	slices.Sort(visible)
	slices.Sort(hidden)
	k.kept[row][0] = 0
	for i, p := range visible {
		k.kept[row][1+i] = 1 + p
	}
	for i, p := range hidden {
		k.hidden[row][i], k.patches[row][i] = 1+p, p
	}
}
