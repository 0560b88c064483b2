package ssl

import "github.com/locimem/locimem/data"

// PixelVariance is the mean square difference of the pixels of these images from
// their mean colour, after each channel (as a number from 0 to 1) is divided by
// its std, which may be empty for 1: the error of a predictor that knows nothing
// of an image. That of augmented views is about the same.
func PixelVariance(d data.Dataset, indices []int, std []float64) float64 {
	_, _, channels := d.Shape()
	sum, squares, n := make([]uint64, channels), make([]uint64, channels), 0.0
	for _, i := range indices {
		pixels := d.Image(i)
		for k, v := range pixels {
			sum[k%channels] += uint64(v)
			squares[k%channels] += uint64(v) * uint64(v)
		}
		n += float64(len(pixels) / channels)
	}
	variance := 0.0
	for c := range channels {
		mean, scale := float64(sum[c])/n, 255.
		if len(std) > 0 {
			scale *= std[c]
		}
		variance += (float64(squares[c])/n - mean*mean) / (scale * scale) / float64(channels)
	}
	return variance
}
