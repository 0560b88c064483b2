package memorize

import (
	"slices"

	"gonum.org/v1/gonum/floats"
)

// Points returns the memorization score of every point of a set from its
// alignments SSL_f and SSL_g. With d = SSL_g - SSL_f it is
//
//	paper  d / (SSL_g + SSL_f), Eq. 2: in [-1, 1] (the paper says [0, 1])
//	raw    d, Eq. 1: in units of the distance
//	range  d / (max d - min d), the extremes taken over this set
//
// and 0 where it would be 0/0. Range is what the authors' code does in place of
// Eq. 2: two points set the scale of all, and each set has a scale of its own,
// so differences between sets do not cancel the bias of the pair exactly. It
// panics if the lengths differ.
func (e Estimator) Points(f, g []float64) []float64 {
	d := floats.SubTo(make([]float64, len(f)), g, f)
	switch e {
	case Paper:
		for i := range d {
			if sum := g[i] + f[i]; sum != 0 {
				d[i] /= sum
			}
		}
	case Range:
		// A width of 0 means that all points are alike, or that there is one.
		width := slices.Max(d) - slices.Min(d)
		for i := range d {
			if width == 0 {
				d[i] = 0
			} else {
				d[i] /= width
			}
		}
	}
	return d
}

// SSLMem returns the scores of the deepest tap. They are the paper's SSLMem if
// that tap is the output of the encoder, as head is in ResNet-9.
func (s *Scores) SSLMem() []LayerScore {
	last := s.Provenance.Taps[len(s.Provenance.Taps)-1].Name
	var out []LayerScore
	for _, l := range s.Layers {
		if l.Tap == last {
			out = append(out, l)
		}
	}
	return out
}
