package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"image/png"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSyntheticIsAPureFunction(t *testing.T) {
	few := synthetic(t, SyntheticOptions{N: 40, Seed: 3})
	many := synthetic(t, SyntheticOptions{N: 90, Seed: 3})
	other := synthetic(t, SyntheticOptions{N: 40, Seed: 4})
	test := synthetic(t, SyntheticOptions{N: 40, Seed: 3, Part: Test})
	for i := range few.Len() {
		assert.Equal(t, few.Image(i), many.Image(i))
		assert.Equal(t, few.Label(i), many.Label(i))
		assert.Equal(t, Atypical(few, i), Atypical(many, i))
		assert.NotEqual(t, few.Image(i), other.Image(i))
		assert.NotEqual(t, few.Image(i), test.Image(i))
	}
}

// The pixels are the same on all processors and in all versions: splits carry
// their hashes. A change here makes a new data set, which needs a new name.
func TestSyntheticIsPinned(t *testing.T) {
	h := sha256.New()
	for _, o := range []SyntheticOptions{{N: 300, Seed: 1}, {N: 50, Seed: 1, Part: Test, Classes: MaxSyntheticClasses}, {N: 20, Size: 47, AtypicalShare: 1}} {
		d := synthetic(t, o)
		for i := range d.Len() {
			sum := Hash(d, i)
			h.Write(sum[:])
		}
	}
	assert.Equal(t, "86686495172cd3e4f1fc1c1e95d15b69641fbf66833ca3310dd32422f243cb53", hex.EncodeToString(h.Sum(nil)))
}

func TestSyntheticContents(t *testing.T) {
	d := synthetic(t, SyntheticOptions{N: 3000, Seed: 1})
	s := Check(d)
	require.Len(t, s.Classes, 10)
	for _, c := range s.Classes {
		assert.Equal(t, 300, c.Images)
	}
	assert.Empty(t, s.Duplicates)
	assert.InDelta(t, 0.08*3000, s.Atypical, 5*math.Sqrt(3000*0.08*0.92))
	for ch := range 3 {
		assert.InDelta(t, 0.5, s.Mean[ch], 0.1)
		assert.InDelta(t, 0.25, s.Std[ch], 0.05)
	}
	assert.Zero(t, Check(synthetic(t, SyntheticOptions{N: 500, AtypicalShare: -1})).Atypical)
	names := map[string]bool{}
	for _, n := range syntheticClasses(MaxSyntheticClasses) {
		names[n] = true
	}
	assert.Len(t, names, MaxSyntheticClasses, "every class has a look of its own")
}

// The mean colour must not give the class away: a classifier by the nearest
// class mean in (R,G,B) stays near chance.
func TestSyntheticClassIsNotItsColour(t *testing.T) {
	train, test := synthetic(t, SyntheticOptions{N: 3000, Seed: 1}), synthetic(t, SyntheticOptions{N: 2000, Seed: 1, Part: Test})
	mean := func(d Dataset, i int) (m [3]float64) {
		for k, v := range d.Image(i) {
			m[k%3] += float64(v) / 1024
		}
		return m
	}
	var centre [10][3]float64
	for i := range train.Len() {
		for ch, v := range mean(train, i) {
			centre[train.Label(i)][ch] += v / 300
		}
	}
	right := 0
	for i := range test.Len() {
		m, best, class := mean(test, i), math.Inf(1), 0
		for k, c := range centre {
			if d := math.Hypot(math.Hypot(m[0]-c[0], m[1]-c[1]), m[2]-c[2]); d < best {
				best, class = d, k
			}
		}
		if class == test.Label(i) {
			right++
		}
	}
	assert.Less(t, float64(right)/2000, 0.17)
}

func TestBadSyntheticOptions(t *testing.T) {
	for _, c := range []struct {
		o    SyntheticOptions
		want string
	}{
		{SyntheticOptions{N: -1}, "synthetic: n: found -1"},
		{SyntheticOptions{Classes: 1}, "synthetic: classes: found 1, expected 2 to 100"},
		{SyntheticOptions{Classes: 101}, "classes: found 101"},
		{SyntheticOptions{Size: 8}, "synthetic: size: found 8, expected 16 to 256"},
		{SyntheticOptions{AtypicalShare: 1.1}, "synthetic: atypical_share: found 1.1"},
		{SyntheticOptions{AtypicalShare: math.NaN()}, "atypical_share: found NaN"},
		{SyntheticOptions{Part: 7}, "synthetic: part: found Part(7)"},
	} {
		_, err := NewSynthetic(c.o)
		assert.ErrorContains(t, err, c.want)
	}
}

func TestDistancesOfShapes(t *testing.T) {
	for s := range numShapes {
		inside := 0
		for y := -1.2; y <= 1.2; y += 0.05 {
			for x := -1.2; x <= 1.2; x += 0.05 {
				p := vec{x, y}
				d := s.distance(p)
				if d < 0 {
					inside++
					assert.Less(t, p.len(), 1.17, "%s reaches out of its circle", shapeNames[s])
				}
				// A distance changes by no more than the way gone.
				assert.LessOrEqual(t, math.Abs(s.distance(vec{x + 0.01, y})-d), 0.0101, "%s at %v", shapeNames[s], p)
			}
		}
		assert.Greater(t, inside, 200, "%s is too small to be seen", shapeNames[s])
	}
	assert.InDelta(t, -0.5, triangle.distance(vec{0, 0}), 0.01)
	assert.Panics(t, func() { shape(99).distance(vec{}) })
}

func TestTexturesHaveTwoColours(t *testing.T) {
	for k := range numTextures {
		f := fill{kind: k, dir: vec{0.6, 0.8}, period: 6, duty: 0.5, seed: 4}
		var low, high, n float64
		for y := range 64 {
			for x := range 64 {
				v := f.share(vec{float64(x), float64(y)})
				assert.True(t, v >= 0 && v <= 1)
				n++
				if v < 0.3 {
					low++
				} else if v > 0.7 {
					high++
				}
			}
		}
		assert.Greater(t, low/n, 0.15, textureNames[k])
		assert.Greater(t, high/n, 0.15, textureNames[k])
	}
}

func TestContactSheet(t *testing.T) {
	d := synthetic(t, SyntheticOptions{N: 30, AtypicalShare: 0.5})
	var b bytes.Buffer
	require.NoError(t, ContactSheet(&b, d, []int{0, 1, 2, 3, 4, 5, 6}, 4))
	img, err := png.Decode(&b)
	require.NoError(t, err)
	assert.Equal(t, 400, img.Bounds().Dx())
	assert.Equal(t, 200, img.Bounds().Dy())
	for k := range 7 {
		// The middle of the pixel at row 10, column 20, and the frame.
		x, y := k%4*100, k/4*100
		r, g, bl, _ := img.At(x+2+20*3+1, y+2+10*3+1).RGBA()
		p := d.Image(k)[(10*32+20)*3:]
		assert.Equal(t, []uint8{p[0], p[1], p[2]}, []uint8{uint8(r >> 8), uint8(g >> 8), uint8(bl >> 8)}, "image %d", k)
		_, g, _, _ = img.At(x, y).RGBA()
		assert.Equal(t, Atypical(d, k), g == 0, "frame of image %d", k)
	}
	assert.ErrorContains(t, ContactSheet(&b, d, []int{30}, 4), "image 30: synthetic-10x32-seed0/train has the images 0 to 29")
	assert.ErrorContains(t, ContactSheet(&b, d, nil, 4), "no images")
	assert.ErrorContains(t, ContactSheet(&b, d, []int{1}, 0), "columns: found 0")
}

func TestCheckFindsDuplicates(t *testing.T) {
	d := newImages("x", 4, 1, 2, 1, []string{"a", "b"})
	copy(d.pixels, []uint8{0, 255, 7, 7, 0, 255, 0, 255})
	copy(d.labels, []uint16{0, 1, 1, 0})
	s := Check(d)
	assert.Equal(t, [][2]int{{2, 0}, {3, 0}}, s.Duplicates)
	assert.Equal(t, []ClassSize{{"a", 2}, {"b", 2}}, s.Classes)
	assert.InDelta(t, (3*1+2*7./255)/8, s.Mean[0], 1e-12)
	assert.Equal(t, [3]int{1, 2, 1}, s.Shape)
	// An empty set has no statistics and no panic.
	assert.Equal(t, []float64{0}, Check(newImages("none", 0, 1, 2, 1, nil)).Mean)
}

func BenchmarkSynthetic(b *testing.B) {
	for b.Loop() {
		if _, err := NewSynthetic(SyntheticOptions{N: 100}); err != nil {
			b.Fatal(err)
		}
	}
}
