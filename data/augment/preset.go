package augment

import "slices"

// Preset is a set of operations that goes by a name.
type Preset struct {
	Name string
	// About says where the numbers come from.
	About  string
	first  Config
	second *Override
}

// paper is what presets of "Localizing Memorization in SSL Vision Encoders"
// (arXiv 2409.19069, Appendix B) have in common. Its RandomResizedCrop(32) has
// torchvision's usual share of the area and ratio.
var paper = Config{Crop: Crop{Scale: [2]float64{0.08, 1}, Ratio: usualRatio}, Blur: usualBlur, SolarizeThreshold: 0.5}

var (
	usualRatio = [2]float64{3. / 4, 4. / 3}
	usualBlur  = Blur{Kernel: 3, Sigma: [2]float64{0.1, 2}}
)

// Presets returns the sets that there are: weak to masking are the paper's.
func Presets() []Preset {
	none := paper
	none.Crop.Scale = [2]float64{}
	weak := paper
	weak.Flip, weak.Gray = 0.5, 0.1
	weak.Jitter = Jitter{Brightness: 0.9, Contrast: 0.9, Saturation: 0.9, Hue: 0.5, P: 0.4}
	normal := paper
	normal.Flip, normal.Gray = 1, 0.2
	normal.Jitter = Jitter{Brightness: 0.8, Contrast: 0.8, Saturation: 0.8, Hue: 0.2, P: 0.8}
	strong := paper
	strong.Flip, strong.FlipVertical, strong.Gray = 1, 1, 0.5
	strong.Jitter = weak.Jitter
	strong.Jitter.P = 0.9
	independent := paper
	independent.FlipVertical, independent.Invert = 1, 0.2
	independent.Blur = Blur{P: 0.8, Kernel: 5, Sigma: [2]float64{0.1, 5}}
	lightly := paper
	lightly.Flip, lightly.Gray = 0.5, 0.2
	lightly.Jitter = Jitter{Brightness: 0.4, Contrast: 0.4, Saturation: 0.4, Hue: 0.1, P: 0.8}
	solo := lightly
	solo.Jitter = normal.Jitter
	solo.Blur = Blur{P: 0.5, Kernel: 13, Sigma: [2]float64{0.1, 2}}
	asymmetric := lightly
	asymmetric.Jitter.Saturation = 0.2
	solarized := &Override{Solarize: new(float64)}
	*solarized.Solarize = 0.2
	return []Preset{
		{"none", "the image itself", none, nil},
		{"weak", "the paper's for supervised training", weak, nil},
		{"normal", "the paper's for self-supervised training", normal, nil},
		{"strong", "the paper's; it names no strengths of the jitter and no crop: those of weak are taken", strong, nil},
		{"independent",
			"the paper's that shares no operation but the crop with the others; 5 pixels for its blur of 4, a size that " +
				"torchvision refuses", independent, nil},
		{Masking, "the paper's of masked autoencoders: 75 % of the patches are hidden, nothing else", none, nil},
		{"lightly", "github.com/lightly-ai/lightly, SimCLR on CIFAR-10: jitter of strength 0.5, no blur", lightly, nil},
		{"solo", "github.com/vturrisi/solo-learn, cifar, symmetric; its blur has no kernel: 13 pixels hold 3 sigma", solo,
			nil},
		{"solo-asymmetric", "github.com/vturrisi/solo-learn, cifar, asymmetric: the second view is solarized too",
			asymmetric, solarized},
	}
}

// Masking is the preset that is for masked autoencoders alone: they hide patches in
// place of changing images.
const Masking = "masking"

// PresetNames returns the names of Presets.
func PresetNames() []string {
	var names []string
	for _, p := range Presets() {
		names = append(names, p.Name)
	}
	return names
}

// over returns the operations of the preset, with the numbers of c for all else.
func (p *Preset) over(c Config) Config {
	r := p.first
	r.Preset, r.Size, r.Mean, r.Std = p.Name, c.Size, c.Mean, c.Std
	if p.second != nil {
		second := *p.second
		r.Second = &second
	}
	return r
}

func presetOf(name string) (Preset, bool) {
	all := Presets()
	i := slices.IndexFunc(all, func(p Preset) bool { return p.Name == name })
	if i < 0 {
		return Preset{}, false
	}
	return all[i], true
}

// UsePreset gives the operations of both views, and nothing else, the values of a
// preset. A name that is none of PresetNames changes nothing.
func (c *Config) UsePreset(name string) {
	if p, ok := presetOf(name); ok {
		*c = p.over(*c)
	}
}

// UsePreset gives every field the value of a preset; see Config.UsePreset.
func (o *Override) UsePreset(name string) {
	if n := overrideOf(name); n != nil {
		*o = *n
	}
}

// Random tells whether views differ from one another.
func (c Config) Random() bool {
	sometimes := func(p float64) bool { return 0 < p && p < 1 }
	return c.Crop.on() || sometimes(c.Flip) || sometimes(c.FlipVertical) || c.Jitter.P > 0 || sometimes(c.Gray) ||
		c.Blur.P > 0 || sometimes(c.Solarize) || sometimes(c.Invert)
}
