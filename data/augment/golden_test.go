package augment

import (
	"fmt"
	"math"
	"testing"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/internal/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"
)

// views.npz was made by testdata/make_views.py.
type about struct {
	Ops []struct {
		Op, Name string
		Args     []float64
	}
	Crops []struct {
		Shape, Box, Size []int
	}
	Pipelines []struct {
		Box                                   []int
		Flip, Vertical, Gray, Normalize       bool
		Solarize, Invert                      bool
		Order                                 [4]uint8
		Brightness, Contrast, Saturation, Hue float32
		Sigma                                 float64
		Size                                  [2]int
	}
	Kernel    int
	Threshold float64
	Boxes     []struct {
		Shape        []int
		Scale, Ratio [2]float64
	}
	Draws int
}

// tolerance, of values of order 1, for float32 operations in another order; the
// largest error seen is 2.1e-6.
const tolerance = 5e-6

// picture makes the same bytes as make_views.py.
func picture(name string, h, w, c int) []uint8 {
	p := make([]uint8, h*w*c)
	for i, b := range testutil.Bits(name, len(p)) {
		p[i] = uint8(b >> 56)
	}
	for i := range h * w {
		q := p[i*c : (i+1)*c]
		if i%5 == 0 {
			for ch := range q {
				q[ch] = q[0]
			}
		}
		if i%7 == 0 {
			q[0] = q[c/2]
		}
		if i%11 == 0 {
			q[c-1] = q[c/2]
		}
		if i%13 == 0 {
			q[0] = 255
		}
		if i%17 == 0 {
			q[c-1] = 0
		}
	}
	return p
}

func golden(t testing.TB) (*testutil.Golden, about) {
	g := testutil.OpenGolden(t, "testdata/views.npz")
	var a about
	g.About(&a)
	return g, a
}

func TestOperationsAgainstTorchvision(t *testing.T) {
	g, about := golden(t)
	require.NotEmpty(t, about.Ops)
	for _, c := range []int{1, 3} {
		for _, o := range about.Ops {
			want, _ := g.Float32(fmt.Sprintf("op/%d/%s", c, o.Name))
			p := make([]float32, len(want))
			for i, v := range picture("ops", 11, 13, c) {
				p[i] = float32(v) / 255
			}
			switch o.Op {
			case "brightness":
				Brightness(p, float32(o.Args[0]))
			case "contrast":
				Contrast(p, c, float32(o.Args[0]))
			case "saturation":
				Saturation(p, c, float32(o.Args[0]))
			case "hue":
				Hue(p, c, float32(o.Args[0]))
			case "gray":
				Gray(p, c)
			case "blur":
				GaussianBlur(p, make([]float32, len(p)), 11, 13, c, int(o.Args[0]), o.Args[1])
			case "solarize":
				Solarize(p, float32(o.Args[0]))
			case "invert":
				Invert(p)
			case "normalize":
				Normalize(p, []float32{0.485, 0.456, 0.406}[:c], []float32{0.229, 0.224, 0.225}[:c])
			default:
				t.Fatalf("unknown operation %q", o.Op)
			}
			assert.LessOrEqual(t, testutil.MaxError(p, want), tolerance, "%s, %d channels", o.Name, c)
		}
	}
}

func TestCropsAgainstTorchvision(t *testing.T) {
	g, about := golden(t)
	require.NotEmpty(t, about.Crops)
	for k, o := range about.Crops {
		want, _ := g.Float32(fmt.Sprintf("crop/%d", k))
		h, w, c := o.Shape[0], o.Shape[1], o.Shape[2]
		box := Box{o.Box[0], o.Box[1], o.Box[2], o.Box[3]}
		got := make([]float32, len(want))
		ResizedCrop(got, o.Size[0], o.Size[1], picture(fmt.Sprintf("crop/%d", k), h, w, c), h, w, c, box, false, false)
		assert.LessOrEqual(t, testutil.MaxError(got, want), tolerance, "%+v", o)
	}
}

func TestPipelinesAgainstTorchvision(t *testing.T) {
	g, about := golden(t)
	require.NotEmpty(t, about.Pipelines)
	img := picture("pipeline", 24, 20, 3)
	for k, o := range about.Pipelines {
		want, shape := g.Float32(fmt.Sprintf("pipeline/%d", k))
		cfg := Config{Size: o.Size, Blur: Blur{P: 1, Kernel: about.Kernel, Sigma: [2]float64{1, 1}},
			SolarizeThreshold: about.Threshold}
		if o.Normalize {
			cfg.Mean, cfg.Std = SimCLR().Mean, SimCLR().Std
		}
		a, err := New(cfg, 24, 20, 3)
		require.NoError(t, err)
		h, w, c := a.Shape()
		require.Equal(t, shape, []int{h, w, c})
		got := make([]float32, len(want))
		a.Apply(got, img, Params{Box: Box{o.Box[0], o.Box[1], o.Box[2], o.Box[3]}, Flip: o.Flip, FlipVertical: o.Vertical,
			Order: o.Order, Brightness: o.Brightness, Contrast: o.Contrast, Saturation: o.Saturation, Hue: o.Hue, Gray: o.Gray,
			Sigma:    o.Sigma,
			Solarize: o.Solarize, Invert: o.Invert})
		assert.LessOrEqual(t, testutil.MaxError(got, want), tolerance, "pipeline %d: %+v", k, o)
	}
}

// boxNumbers are the numbers about a box whose moments make_views.py stores.
func boxNumbers(b Box, h, w int) []float64 {
	is := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	bh, bw := float64(b.Height), float64(b.Width)
	return []float64{float64(b.Top), float64(b.Left), bh, bw, bh * bw, bw / bh, float64(b.Top * b.Left),
		is(b.Height == h && b.Width == w), is(b.Height == h), is(b.Width == w)}
}

// The crops have torchvision's distribution: means and variances within five
// standard errors, which a fair draw misses once in two million.
func TestBoxesAreDistributedAsInTorchvision(t *testing.T) {
	g, about := golden(t)
	require.NotEmpty(t, about.Boxes)
	for k, o := range about.Boxes {
		want := g.Float64(fmt.Sprintf("boxes/%d", k))
		h, w := o.Shape[0], o.Shape[1]
		r := rng.New(1, "test", uint64(k))
		n, draws := len(want)/2, float64(about.Draws)
		numbers := make([][]float64, n)
		for range about.Draws {
			b := drawBox(r, h, w, Crop{Scale: o.Scale, Ratio: o.Ratio})
			checkBox(b, h, w)
			for i, x := range boxNumbers(b, h, w) {
				numbers[i] = append(numbers[i], x)
			}
		}
		for i, x := range numbers {
			mean, wantVar := stat.Mean(x, nil), want[n+i]*want[n+i]
			variance, fourth := stat.Moment(2, x, nil), stat.Moment(4, x, nil)
			assert.InDelta(t, want[i], mean, 5*math.Sqrt((variance+wantVar)/draws)+1e-9, "case %d: mean of number %d", k, i)
			assert.InDelta(t, wantVar, variance, 5*math.Sqrt(2*(fourth-variance*variance)/draws)+1e-9,
				"case %d: variance of number %d", k, i)
		}
	}
}
