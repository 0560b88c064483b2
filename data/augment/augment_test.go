package augment

import (
	"crypto/sha256"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/locimem/locimem/internal/rng"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func must(t testing.TB, cfg Config, h, w, c int) *Augmenter {
	t.Helper()
	a, err := New(cfg, h, w, c)
	require.NoError(t, err)
	return a
}

func TestOriginalIsTheImage(t *testing.T) {
	img := picture("original", 9, 14, 3)
	a := must(t, SimCLR(), 9, 14, 3)
	dst := make([]float32, len(img))
	a.Original(dst, img)
	cfg := SimCLR()
	for i, v := range img {
		want := (float64(v)/255 - cfg.Mean[i%3]) / cfg.Std[i%3]
		require.InDelta(t, want, dst[i], 1e-6)
	}
	// Without a random operation a view is the same.
	view := make([]float32, len(img))
	must(t, None(), 9, 14, 3).View(view, img, rng.New(1, "view"))
	assert.Equal(t, dst, view)
}

func TestFlips(t *testing.T) {
	const h, w, c = 5, 8, 3
	img := picture("flip", h, w, c)
	a := must(t, Config{}, h, w, c)
	plain, flipped := make([]float32, len(img)), make([]float32, len(img))
	a.Original(plain, img)
	for _, f := range [][2]bool{{true, false}, {false, true}, {true, true}} {
		p := a.Identity()
		p.Flip, p.FlipVertical = f[0], f[1]
		a.Apply(flipped, img, p)
		for y := range h {
			for x := range w {
				fy, fx := y, x
				if f[0] {
					fx = w - 1 - x
				}
				if f[1] {
					fy = h - 1 - y
				}
				require.Equal(t, plain[(fy*w+fx)*c:(fy*w+fx+1)*c], flipped[(y*w+x)*c:(y*w+x+1)*c], "%v at %d,%d", f, y, x)
			}
		}
	}
}

// A view depends on its stream alone, not on what was made before or beside it.
func TestViewsArePureFunctions(t *testing.T) {
	cfg := SimCLR()
	cfg.Blur = Blur{P: 0.5, Kernel: 5, Sigma: [2]float64{0.1, 2}}
	a := must(t, cfg, 32, 32, 3)
	img := picture("pure", 32, 32, 3)
	const n = 64
	want := make([][]float32, n)
	for i := range want {
		want[i] = make([]float32, len(img))
		must(t, cfg, 32, 32, 3).View(want[i], img, rng.New(3, "view", uint64(i)))
	}
	var wg sync.WaitGroup
	got := make([][]float32, n)
	for k := range 4 {
		wg.Go(func() {
			for i := n - 1 - k; i >= 0; i -= 4 {
				got[i] = make([]float32, len(img))
				a.View(got[i], img, rng.New(3, "view", uint64(i)))
			}
		})
	}
	wg.Wait()
	assert.Equal(t, want, got)
	assert.NotEqual(t, want[0], want[1])
}

func TestDrawFollowsTheProbabilities(t *testing.T) {
	cfg := SimCLR()
	cfg.FlipVertical = 0.3
	cfg.Blur = Blur{P: 0.1, Kernel: 3, Sigma: [2]float64{0.5, 1}}
	cfg.Solarize, cfg.Invert = 0.2, 0.6
	a := must(t, cfg, 32, 32, 3)
	const n = 50000
	var flips, vertical, gray, blur, solarize, invert, jitter float64
	orders := map[[4]uint8]float64{}
	var sums, squares [4]float64
	for i := range uint64(n) {
		p := a.Draw(rng.New(9, "view", i))
		count := func(at *float64, is bool) {
			if is {
				*at++
			}
		}
		count(&flips, p.Flip)
		count(&vertical, p.FlipVertical)
		count(&gray, p.Gray)
		count(&blur, p.Sigma > 0)
		count(&solarize, p.Solarize)
		count(&invert, p.Invert)
		assert.True(t, p.Sigma == 0 || p.Sigma >= 0.5 && p.Sigma <= 1)
		if p.Hue == 0 {
			assert.Equal(t, a.Identity().Order, p.Order)
			continue
		}
		jitter++
		orders[p.Order]++
		for k, x := range []float32{p.Brightness, p.Contrast, p.Saturation} {
			assert.True(t, x >= 0.6 && x <= 1.4)
			sums[k] += float64(x)
			squares[k] += float64(x) * float64(x)
		}
		assert.LessOrEqual(t, math.Abs(float64(p.Hue)), 0.1)
		sums[3] += float64(p.Hue)
		squares[3] += float64(p.Hue) * float64(p.Hue)
	}
	near := func(p, count, of float64, what string) {
		assert.InDelta(t, p*of, count, 5*math.Sqrt(of*p*(1-p)), what)
	}
	near(0.5, flips, n, "flips")
	near(0.3, vertical, n, "vertical flips")
	near(0.2, gray, n, "gray")
	near(0.1, blur, n, "blur")
	near(0.2, solarize, n, "solarize")
	near(0.6, invert, n, "invert")
	near(0.8, jitter, n, "jitter")
	assert.Len(t, orders, 24)
	for o, k := range orders {
		near(1./24, k, jitter, "order "+string([]byte{'0' + o[0], '0' + o[1], '0' + o[2], '0' + o[3]}))
	}
	for k, half := range []float64{0.4, 0.4, 0.4, 0.1} { // uniform: variance half^2/3
		centre := 1.
		if k == 3 {
			centre = 0
		}
		mean := sums[k] / jitter
		assert.InDelta(t, centre, mean, 5*half/math.Sqrt(3*jitter))
		assert.InDelta(t, half*half/3, squares[k]/jitter-mean*mean, 0.03*half*half/3)
	}
}

func TestValuesStayInRange(t *testing.T) {
	cfg := SimCLR()
	cfg.Mean, cfg.Std = nil, nil
	cfg.Jitter = Jitter{Brightness: 3, Contrast: 3, Saturation: 3, Hue: 0.5, P: 1}
	cfg.Blur = Blur{P: 0.5, Kernel: 3, Sigma: [2]float64{0.1, 2}}
	cfg.Solarize, cfg.SolarizeThreshold, cfg.Invert = 0.5, 0.3, 0.5
	a := must(t, cfg, 12, 12, 3)
	dst := make([]float32, 12*12*3)
	for i := range uint64(500) {
		a.View(dst, picture("range", 12, 12, 3), rng.New(1, "view", i))
		for _, v := range dst {
			require.True(t, v >= -1e-6 && v <= 1.000001, "%v", v)
		}
	}
}

func TestBadConfigurations(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"size", func(c *Config) { c.Size = [2]int{0, 5} }, "size: found [0 5]"},
		{"scale order", func(c *Config) { c.Crop.Scale = [2]float64{1, 0.2} }, "crop.scale: found [1 0.2]"},
		{"scale over 1", func(c *Config) { c.Crop.Scale = [2]float64{0.2, 2} }, "crop.scale: found [0.2 2]"},
		{"ratio", func(c *Config) { c.Crop.Ratio = [2]float64{0, 1} }, "crop.ratio: found [0 1]"},
		{"flip", func(c *Config) { c.Flip = 1.5 }, "flip: found 1.5, expected 0 to 1"},
		{"nan", func(c *Config) { c.Gray = nan }, "gray: found NaN"},
		{"solarize", func(c *Config) { c.Solarize = 2 }, "solarize: found 2, expected 0 to 1"},
		{"threshold", func(c *Config) { c.SolarizeThreshold = 128 }, "solarize_threshold: found 128, expected 0 to 1"},
		{"invert", func(c *Config) { c.Invert = -1 }, "invert: found -1, expected 0 to 1"},
		{"hue", func(c *Config) { c.Jitter.Hue = 0.6 }, "jitter.hue: found 0.6, expected 0 to 0.5"},
		{"negative", func(c *Config) { c.Jitter.Contrast = -1 }, "jitter.contrast: found -1"},
		{"even kernel", func(c *Config) { c.Blur = Blur{P: 1, Kernel: 4, Sigma: [2]float64{1, 1}} },
			"blur.kernel: found 4, expected an odd number"},
		{"wide kernel", func(c *Config) { c.Blur = Blur{P: 1, Kernel: 65, Sigma: [2]float64{1, 1}} },
			"blur.kernel: found 65, expected less than twice the side"},
		{"sigma", func(c *Config) { c.Blur = Blur{P: 1, Kernel: 3} }, "blur.sigma: found [0 0]"},
		{"lengths", func(c *Config) { c.Std = c.Std[:2] }, "mean and std: found 3 and 2"},
		{"channels", func(c *Config) { c.Mean, c.Std = c.Mean[:2], c.Std[:2] }, "one for each of the 3 channels"},
		{"zero std", func(c *Config) { c.Std = []float64{1, 0, 1} }, "std: found [1 0 1]"},
		{"infinite mean", func(c *Config) { c.Mean = []float64{1, math.Inf(1), 1} }, "mean: found"},
	} {
		cfg := SimCLR()
		c.change(&cfg)
		_, err := New(cfg, 32, 32, 3)
		assert.ErrorContains(t, err, c.want, c.name)
	}
	_, err := New(None(), 32, 32, 2)
	assert.ErrorContains(t, err, "1 or 3 channels")
	_, err = New(None(), 0, 32, 3)
	assert.ErrorContains(t, err, "(0,32,3)")
}

func TestWrongShapesPanic(t *testing.T) {
	a := must(t, SimCLR(), 8, 8, 3)
	img, dst := make([]uint8, 192), make([]float32, 192)
	assert.Panics(t, func() { a.View(dst[:191], img, rng.New(1, "view")) })
	assert.Panics(t, func() { a.View(dst, img[:64], rng.New(1, "view")) })
	p := a.Identity()
	p.Box.Top = 1
	assert.Panics(t, func() { a.Apply(dst, img, p) })
	assert.Panics(t, func() { Hue(dst[:10], 3, 0.1) })
	assert.Panics(t, func() { GaussianBlur(dst, dst[:5], 8, 8, 3, 3, 1) })
}

func TestViewsMakeNoGarbage(t *testing.T) {
	cfg := SimCLR()
	cfg.Blur = Blur{P: 1, Kernel: 5, Sigma: [2]float64{0.1, 2}}
	a := must(t, cfg, 32, 32, 3)
	img, dst := picture("garbage", 32, 32, 3), make([]float32, 32*32*3)
	r := rng.New(1, "view")
	assert.Zero(t, testing.AllocsPerRun(200, func() { a.View(dst, img, r) }))
}

// Images of a pixel or two must have views, however odd.
func TestTinyImages(t *testing.T) {
	for _, s := range [][2]int{{1, 1}, {1, 9}, {7, 1}, {2, 2}} {
		a := must(t, SimCLR(), s[0], s[1], 3)
		img := picture("tiny", s[0], s[1], 3)
		dst := make([]float32, len(img))
		for i := range uint64(200) {
			a.View(dst, img, rng.New(1, "view", i))
			for _, v := range dst {
				require.False(t, math.IsNaN(float64(v)))
			}
		}
	}
}

func BenchmarkView(b *testing.B) {
	a := must(b, SimCLR(), 32, 32, 3)
	img, dst := picture("bench", 32, 32, 3), make([]float32, 32*32*3)
	r := rng.New(1, "view")
	b.ReportAllocs()
	for b.Loop() {
		a.View(dst, img, r)
	}
}

// Operations that came later take no random number where they are off: the views
// of trainings from before them stay the same. The sum was made without them.
func TestDrawsStayAsTheyWere(t *testing.T) {
	cfg := SimCLR()
	cfg.FlipVertical = 0.3
	cfg.Blur = Blur{P: 0.4, Kernel: 3, Sigma: [2]float64{0.5, 1}}
	a := must(t, cfg, 32, 32, 3)
	sum, r := sha256.New(), rng.New(4, "view")
	for range 1000 {
		p := a.Draw(r)
		fmt.Fprintln(sum, p.Box, p.Flip, p.FlipVertical, p.Order, p.Brightness, p.Contrast, p.Saturation, p.Hue, p.Gray,
			p.Sigma)
	}
	assert.Equal(t, "03ca8c90f82cbd97", fmt.Sprintf("%x", sum.Sum(nil)[:8]))
}
