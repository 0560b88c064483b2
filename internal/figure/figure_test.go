package figure

import (
	"bytes"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var taps = strings.Fields("conv1 bn1 relu1 pool1 conv2_0 bn2_0 relu2_0 pool2_0 conv2_1 bn2_1 relu2_1 conv2_2 bn2_2 " +
	"relu2_2 res2 " +
	"conv3 bn3 relu3 pool3 conv4_0 bn4_0 relu4_0 pool4_0 conv4_1 bn4_1 relu4_1 conv4_2 bn4_2 relu4_2 res4 head")

// examples are the three figures over made-up numbers.
func examples() map[string]*Page {
	r := rand.New(rand.NewPCG(1, 2))
	n := len(taps)
	series := func(name string, slope float64) Series {
		s := Series{Name: name, Mean: make([]float64, n), Lo: make([]float64, n), Hi: make([]float64, n)}
		for i := range n {
			d := float64(i) / float64(n)
			s.Mean[i] = .02 + slope*d*d + .004*r.NormFloat64()
			s.Lo[i], s.Hi[i] = s.Mean[i]-.012, s.Mean[i]+.012
		}
		return s
	}
	dist := func(name string) Distribution {
		d := Distribution{Name: name}
		for range n {
			m := .5 + .1*r.Float64()
			d.Quantiles = append(d.Quantiles, [5]float64{m - .3, m - .1, m, m + .12, m + .3})
		}
		d.Quantiles[3] = [5]float64{math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()}
		return d
	}
	curve := func(name string) Curve {
		c := Curve{Name: name}
		for e := 1; e <= 30; e++ {
			c.Epoch = append(c.Epoch, float64(e))
			c.Loss = append(c.Loss, 6.2-2*(1-math.Exp(-float64(e)/8))+.03*r.NormFloat64())
			k := math.NaN()
			if e%5 == 0 || e == 1 {
				k = .3 + .2*float64(e)/30
			}
			c.KNN = append(c.KNN, k)
		}
		return c
	}
	controlled := series("(C - I) / 2", .12)
	for i := range n {
		controlled.Mean[i] -= .02
		controlled.Lo[i] -= .02
		controlled.Hi[i] -= .02
	}
	note := "SimCLR, ResNet-9, synthetic, 30 epochs, f and g 1,500 images each\nEq. 2, l2, 10 pairs of views"
	return map[string]*Page{
		"layermem": LayerMem("LayerMem by depth: default-0123456789ab", note, taps,
			[]Series{series("candidates", .15), series("shared", .02), series("independents", -.1),
				series("external", .03)}, controlled, .95),
		"unitmem": UnitMem("UnitMem by layer: default-0123456789ab", note, taps,
			[]Distribution{dist("candidates"), dist("external")}),
		"training": Training("Training: default-0123456789ab", note, []Curve{curve("f"), curve("g")}, math.Log(511)),
	}
}

func TestFiguresAreWrittenAndRepeatable(t *testing.T) {
	dir := t.TempDir()
	if keep := os.Getenv("LOCIMEM_FIGURES"); keep != "" {
		dir = keep
	}
	again := examples()
	for name, page := range examples() {
		svg := filepath.Join(dir, name+".svg")
		require.NoError(t, page.Save(svg))
		a, err := os.ReadFile(svg)
		require.NoError(t, err)
		require.NoError(t, again[name].Save(svg))
		b, err := os.ReadFile(svg)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(a, b), "%s: the same numbers must give the same file", name)
		assert.Contains(t, string(a), "default-0123456789ab")

		require.NoError(t, page.Save(filepath.Join(dir, name+".png")))
		f, err := os.Open(filepath.Join(dir, name+".png"))
		require.NoError(t, err)
		img, err := png.Decode(f)
		f.Close()
		require.NoError(t, err)
		assert.Greater(t, img.Bounds().Dx(), 1000)
	}
	all, err := os.ReadFile(filepath.Join(dir, "layermem.svg"))
	require.NoError(t, err)
	assert.Contains(t, string(all), "sans-serif")
	for _, word := range append([]string{"candidates", "external", "controlled score", "95 % interval"}, taps...) {
		assert.Contains(t, string(all), word)
	}
}

func TestRoundTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		want   string
	}{
		{0, 1, "0.0 0.2 0.4 0.6 0.8 1.0"}, {0, 30, "0 10 20 30"}, {-.076, .162, "-0.05 0.00 0.05 0.10 0.15"},
		{4.2, 6.24, "4.5 5.0 5.5 6.0"}, {0, 120, "0 20 40 60 80 100 120"},
		{-3e-4, 1e-4, "-0.0003 -0.0002 -0.0001 0.0000 0.0001"},
	} {
		var got []string
		for _, tick := range (roundTicks{labels: true}).Ticks(c.lo, c.hi) {
			got = append(got, tick.Label)
		}
		assert.Equal(t, c.want, strings.Join(got, " "))
	}
}

func TestSaveRefusesOtherFormats(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.gif")
	assert.ErrorContains(t, examples()["training"].Save(path), ".gif")
	assert.NoFileExists(t, path)
}

func TestGapsAndEmptyFiguresDoNotFail(t *testing.T) {
	nan := math.NaN()
	s := Series{Name: "s", Mean: []float64{nan, 1, nan}, Lo: []float64{nan, nan, nan}, Hi: []float64{nan, nan, nan}}
	dir := t.TempDir()
	page := LayerMem("t", "n", []string{"a", "b", "c"}, []Series{s}, s, .95)
	require.NoError(t, page.Save(filepath.Join(dir, "a.png")))
	require.NoError(t, Training("t", "n", nil, 1).Save(filepath.Join(dir, "b.png")))
	require.NoError(t, UnitMem("t", "n", nil, []Distribution{{}}).Save(filepath.Join(dir, "c.svg")))
}

func TestGallery(t *testing.T) {
	dir := t.TempDir()
	tile := func(h, w, c int, v uint8) Tile {
		return Tile{Pixels: bytes.Repeat([]uint8{v}, h*w*c), H: h, W: w, C: c, Label: "7: 0.5"}
	}
	rows := []GalleryRow{
		{Title: "1  relu3, unit 4", Lines: []string{"UnitMem 0.9", "owner: image 7"},
			Tiles: []Tile{tile(32, 32, 3, 10), tile(32, 32, 3, 20)}},
		{Title: "gray, not square", Tiles: []Tile{tile(20, 28, 1, 30)}},
		{Title: "larger than its place", Tiles: []Tile{tile(300, 200, 3, 40)}},
	}
	path := filepath.Join(dir, "g.png")
	require.NoError(t, SaveGallery(path, "title", "a note\nof two lines", rows))
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	img, err := png.Decode(f)
	require.NoError(t, err)
	// Every image is there, with as many pixels as its enlargement makes.
	n := map[uint32]int{}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if r, g, b, _ := img.At(x, y).RGBA(); r == g && g == b {
				n[r>>8]++
			}
		}
	}
	side := 104 // tileSize at this dpi
	assert.GreaterOrEqual(t, n[10], 96*96)
	assert.GreaterOrEqual(t, n[20], 96*96)
	assert.GreaterOrEqual(t, n[30], 20*3*28*3)
	assert.GreaterOrEqual(t, n[40], side*(side*2/3))

	assert.ErrorContains(t, SaveGallery(path, "t", "", nil), "no rows")
	assert.ErrorContains(t, SaveGallery(path, "t", "",
		[]GalleryRow{{Tiles: []Tile{{Pixels: make([]uint8, 8), H: 2, W: 2, C: 2}}}}), "1 or 3 channels")
	assert.ErrorContains(t, SaveGallery(path, "t", "",
		[]GalleryRow{{Tiles: []Tile{{Pixels: make([]uint8, 8), H: 2, W: 2, C: 3}}}}), "8 bytes")
}
