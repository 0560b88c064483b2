// Package augment makes the random views of images that self-supervised
// training compares. Each operation is torchvision's of the same name on float
// tensors in [0,1] (not on PIL images, which round to bytes between steps), and
// is tested against it. A view is drawn in two steps: Draw turns random numbers
// into a few parameters, Apply carries them out.
package augment

import (
	"fmt"
	"math"
)

// Config says which operations a view is made of. They come in the order of the
// fields, as in SimCLR (Chen et al., ICML 2020, appendix A). The zero value
// changes nothing but the scale of the pixels, from bytes to [0,1].
type Config struct {
	// Preset names the set that the operations were taken from (UsePreset), for
	// people; "" is none.
	Preset string `yaml:"preset" hash:"-"`
	// Size is height and width of the views; 0, 0 keeps those of the images.
	Size [2]int `yaml:"size"`
	// Crop is torchvision's RandomResizedCrop, bilinear with antialias.
	Crop Crop `yaml:"crop"`
	// Flip is the probability of a horizontal flip.
	Flip float64 `yaml:"flip"`
	// FlipVertical is the probability of a vertical flip.
	FlipVertical float64 `yaml:"flip_vertical"`
	// Jitter is torchvision's ColorJitter.
	Jitter Jitter `yaml:"jitter"`
	// Gray is the probability of turning the image gray.
	Gray float64 `yaml:"gray"`
	// Blur is torchvision's GaussianBlur.
	Blur Blur `yaml:"blur"`
	// Solarize is the probability of torchvision's solarize: values of at least
	// SolarizeThreshold, of [0,1], are replaced by 1 less the value.
	Solarize          float64 `yaml:"solarize" hash:"augment.solarize!=0"`
	SolarizeThreshold float64 `yaml:"solarize_threshold" hash:"augment.solarize!=0"`
	// Invert is the probability of the photographic negative, 1 less every value.
	Invert float64 `yaml:"invert" hash:"augment.invert!=0"`
	// Second is what is different about the second view of methods that compare
	// two; nil if nothing is. An Augmenter knows nothing of it: it makes views of
	// one kind.
	Second *Override `yaml:"second" hash:"given"`
	// Mean and Std of each channel: (x-mean)/std comes last. Empty for none.
	Mean []float64 `yaml:"mean"`
	Std  []float64 `yaml:"std"`
}

// Crop chooses a rectangle at random and resizes it to the size of the view.
type Crop struct {
	// Scale bounds the share of the image's area; 0, 0 turns cropping off.
	Scale [2]float64 `yaml:"scale"`
	// Ratio bounds width/height of the rectangle before it is resized.
	Ratio [2]float64 `yaml:"ratio" needs:"scale!=[0, 0]"`
}

// Jitter changes colours by random factors in random order: brightness,
// contrast and saturation by one from [max(0, 1-x), 1+x], hue by a shift from
// [-x, x] of the colour circle. 0 leaves one out.
type Jitter struct {
	Brightness float64 `yaml:"brightness" needs:"p!=0"`
	Contrast   float64 `yaml:"contrast" needs:"p!=0"`
	Saturation float64 `yaml:"saturation" needs:"p!=0"`
	Hue        float64 `yaml:"hue" needs:"p!=0"` // at most 0.5
	// P is the probability that there is any jitter.
	P float64 `yaml:"p"`
}

// Blur convolves with a Gaussian of random width.
type Blur struct {
	// P is the probability of a blur.
	P float64 `yaml:"p"`
	// Kernel is the side of the kernel in pixels, odd.
	Kernel int `yaml:"kernel" needs:"p!=0"`
	// Sigma bounds the standard deviation in pixels.
	Sigma [2]float64 `yaml:"sigma" needs:"p!=0"`
}

// None returns a configuration without any random operation: views are the
// image, scaled to [0,1] and normalised as in SimCLR.
func None() Config {
	// The statistics of ImageNet, which the paper uses for all its data.
	return Config{Mean: []float64{0.485, 0.456, 0.406}, Std: []float64{0.229, 0.224, 0.225}}
}

// SimCLR returns the views of SimCLR for small images: crops of 20 to 100 % of
// the area, flips, jitter of half strength, gray, no blur.
func SimCLR() Config {
	c := None()
	c.Crop = Crop{Scale: [2]float64{0.2, 1}, Ratio: [2]float64{3. / 4, 4. / 3}}
	c.Flip = 0.5
	c.Jitter = Jitter{Brightness: 0.4, Contrast: 0.4, Saturation: 0.4, Hue: 0.1, P: 0.8}
	c.Gray = 0.2
	return c
}

// Validate returns an error that names the first field out of its range.
func (c Config) Validate() error {
	if c.Size != [2]int{} && (c.Size[0] < 1 || c.Size[1] < 1 || c.Size[0] > maxSide || c.Size[1] > maxSide) {
		return fmt.Errorf("size: found %v, expected two numbers from 1 to %d, or 0, 0", c.Size, maxSide)
	}
	if c.Crop.on() {
		if !(0 < c.Crop.Scale[0] && c.Crop.Scale[0] <= c.Crop.Scale[1] && c.Crop.Scale[1] <= 1) {
			return fmt.Errorf("crop.scale: found %v, expected 0 < from <= to <= 1, or 0, 0", c.Crop.Scale)
		}
		if !(0 < c.Crop.Ratio[0] && c.Crop.Ratio[0] <= c.Crop.Ratio[1] && c.Crop.Ratio[1] <= 100) {
			return fmt.Errorf("crop.ratio: found %v, expected 0 < from <= to <= 100", c.Crop.Ratio)
		}
	}
	for _, f := range []struct {
		name  string
		value float64
		most  float64
	}{
		{"flip", c.Flip, 1}, {"flip_vertical", c.FlipVertical, 1}, {"jitter.p", c.Jitter.P, 1}, {"gray", c.Gray, 1},
		{"blur.p", c.Blur.P, 1},
		{"solarize", c.Solarize, 1}, {"solarize_threshold", c.SolarizeThreshold, 1}, {"invert", c.Invert, 1},
		{"jitter.brightness", c.Jitter.Brightness, 100}, {"jitter.contrast", c.Jitter.Contrast, 100},
		{"jitter.saturation", c.Jitter.Saturation, 100}, {"jitter.hue", c.Jitter.Hue, 0.5},
	} {
		if !(0 <= f.value && f.value <= f.most) { // so that NaN is refused too
			return fmt.Errorf("%s: found %g, expected 0 to %g", f.name, f.value, f.most)
		}
	}
	if c.Blur.P > 0 {
		if k := c.Blur.Kernel; k < 1 || k%2 == 0 || k > maxSide {
			return fmt.Errorf("blur.kernel: found %d, expected an odd number from 1 to %d", k, maxSide)
		}
		if !(0 < c.Blur.Sigma[0] && c.Blur.Sigma[0] <= c.Blur.Sigma[1] && !math.IsInf(c.Blur.Sigma[1], 1)) {
			return fmt.Errorf("blur.sigma: found %v, expected 0 < from <= to", c.Blur.Sigma)
		}
	}
	if len(c.Mean) != len(c.Std) {
		return fmt.Errorf("mean and std: found %d and %d numbers, expected as many of both", len(c.Mean), len(c.Std))
	}
	for i := range c.Std {
		if math.IsNaN(c.Mean[i]) || math.IsInf(c.Mean[i], 0) {
			return fmt.Errorf("mean: found %v, expected finite numbers", c.Mean)
		}
		if !(c.Std[i] > 0) || math.IsInf(c.Std[i], 0) {
			return fmt.Errorf("std: found %v, expected numbers over 0", c.Std)
		}
	}
	return nil
}

// maxSide bounds the height and width of images and views.
const maxSide = 4096

func (c Crop) on() bool { return c.Scale != [2]float64{} }
