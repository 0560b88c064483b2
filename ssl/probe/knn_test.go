package probe

import (
	"cmp"
	"context"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

// The bank lies on the unit circle at 0, 60, 90 and 180 degrees, the test point
// at 0, where the similarities are 1, 1/2, 0 and -1 (lengths differ, directions
// count).
func TestKNNByHand(t *testing.T) {
	e := newEngine(t, 2)
	bank := tensor.FromSlice([]float32{3, 0, .5, float32(math.Sqrt(.75)), 0, 2, -1, 0}, 4, 2)
	labels := []int{0, 1, 1, 2}
	test := tensor.FromSlice([]float32{5, 0}, 1, 2)
	for _, c := range []struct {
		k    int
		t    float64
		want int
		why  string
	}{
		{1, 1, 0, "the nearest"},
		{3, 1, 0, "e against e^.5 + 1 = 2.65 < 2.72"},
		{3, 1.1, 1, "e^(1/1.1) = 2.48 against e^(.5/1.1) + 1 = 2.58"},
		{4, .1, 0, "a low t trusts the nearest"},
		{4, 100, 1, "a high t counts heads"},
	} {
		for class := range 3 {
			got, err := KNN(e, bank, labels, test, []int{class}, c.k, c.t)
			require.NoError(t, err)
			want := 0.0
			if class == c.want {
				want = 1
			}
			assert.Equal(t, want, got, "k %d, t %v, class %d: %s", c.k, c.t, class, c.why)
		}
	}
}

func TestKNNTies(t *testing.T) {
	e := newEngine(t, 1)
	bank := tensor.FromSlice([]float32{0, 1, 1, 0, 1, 0, 1, 0}, 4, 2)
	test := tensor.FromSlice([]float32{1, 0}, 1, 2)
	got, err := KNN(e, bank, []int{0, 3, 2, 1}, test, []int{3}, 1, 1)
	require.NoError(t, err)
	assert.Equal(t, 1., got, "of three equally near points the first is taken")
	got, err = KNN(e, bank, []int{0, 3, 2, 1}, test, []int{1}, 3, 1)
	require.NoError(t, err)
	assert.Equal(t, 1., got, "of three equal votes the lowest class wins")

	// Similarities .6, .6, .8, 1: the nearest three are the last two and the
	// first, although the second came later.
	bank = tensor.FromSlice([]float32{3, 4, 3, 4, 4, 3, 1, 0}, 4, 2)
	got, err = KNN(e, bank, []int{1, 0, 1, 2}, test, []int{1}, 3, 100)
	require.NoError(t, err)
	assert.Equal(t, 1., got)
}

// exp(1/t) and exp(.8/t) are both too large for a float64 here.
func TestKNNOfALowTemperature(t *testing.T) {
	bank := tensor.FromSlice([]float32{4, 3, 1, 0}, 2, 2)
	got, err := KNN(newEngine(t, 1), bank, []int{0, 1}, tensor.FromSlice([]float32{1, 0}, 1, 2), []int{1}, 2, .001)
	require.NoError(t, err)
	assert.Equal(t, 1., got)
}

// literalKNN is the classifier in float64, point by point.
func literalKNN(bank [][]float64, labels []int, x []float64, k int, t float64) int {
	cosine := func(a, b []float64) float64 {
		ab, aa, bb := 0.0, 0.0, 0.0
		for i := range a {
			ab, aa, bb = ab+a[i]*b[i], aa+a[i]*a[i], bb+b[i]*b[i]
		}
		return ab / math.Sqrt(aa*bb)
	}
	order := upTo(0, len(bank))
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(cosine(bank[j], x), cosine(bank[i], x)) })
	votes := map[int]float64{}
	for _, i := range order[:k] {
		votes[labels[i]] += math.Exp(cosine(bank[i], x) / t)
	}
	best := -1
	for class := range 10 {
		if best < 0 || votes[class] > votes[best] {
			best = class
		}
	}
	return best
}

// More test points than a block, against the literal classifier.
func TestKNNIsTheLiteralOne(t *testing.T) {
	const n, m, d = 150, 2*knnBlock + 37, 12
	bank, test := randomRows("bank", n, d), randomRows("test", m, d)
	labels := make([]int, n)
	for i := range labels {
		labels[i] = i * 7 % 10
	}
	testLabels, same := make([]int, m), 0
	for i := range testLabels {
		testLabels[i] = i % 10
	}
	for _, k := range []int{1, 20, n} {
		want := 0
		for i, x := range test {
			if literalKNN(bank, labels, x, k, .1) == testLabels[i] {
				want++
			}
		}
		for _, threads := range []int{1, 3} {
			got, err := KNN(newEngine(t, threads), toTensor(bank), labels, toTensor(test), testLabels, k, .1)
			require.NoError(t, err)
			assert.InDelta(t, float64(want)/m, got, 1e-12, "k %d, %d threads", k, threads)
		}
		same += want
	}
	assert.Positive(t, same)
}

func TestKNNErrors(t *testing.T) {
	e := newEngine(t, 1)
	good := func() *tensor.Tensor { return tensor.FromSlice([]float32{1, 0, 0, 1, 1, 1}, 3, 2) }
	bad := good()
	bad.Data()[3] = float32(math.NaN())
	l := []int{0, 1, 2}
	for _, c := range []struct {
		says         string
		bank, test   *tensor.Tensor
		labels, want []int
		k            int
		t            float64
	}{
		{"k: found 4, expected 1 to 3", good(), good(), l, l, 4, 1},
		{"k: found 0", good(), good(), l, l, 0, 1},
		{"t: found 0", good(), good(), l, l, 1, 0},
		{"t: found NaN", good(), good(), l, l, 1, math.NaN()},
		{"features of the bank have a NaN", bad, good(), l, l, 1, 1},
		{"features of the test points have a NaN", good(), bad, l, l, 1, 1},
		{"found label -1", good(), good(), []int{0, -1, 1}, l, 1, 1},
		{"there are no test points", good(), tensor.New(0, 2), l, nil, 1, 1},
	} {
		_, err := KNN(e, c.bank, c.labels, c.test, c.want, c.k, c.t)
		assert.ErrorContains(t, err, c.says)
	}
	assert.Panics(t, func() { _, _ = KNN(e, good(), l[:2], good(), l, 1, 1) })
}

func TestFeatures(t *testing.T) {
	p := newProblem(t, 2)
	e, enc, set, views := p.engine, p.encoder, p.images, p.augment
	before := nn.Hash(p.encoder.Params())
	indices := []int{5, 60, 5, 0, 33, 2, 1}
	ctx := context.Background()
	all, err := Features(ctx, e, enc, set, indices, views, 64)
	require.NoError(t, err)
	require.Equal(t, []int{7, enc.OutDim()}, all.Shape())
	for _, batch := range []int{1, 3, 7} {
		some, err := Features(ctx, e, enc, set, indices, views, batch)
		require.NoError(t, err)
		assert.InDeltaSlice(t, all.Data(), some.Data(), 1e-5, "a feature depends on its image only")
	}
	d := enc.OutDim()
	assert.Equal(t, all.Data()[:d], all.Data()[2*d:3*d], "the same image twice")
	assert.NotEqual(t, all.Data()[:d], all.Data()[d:2*d])
	assert.Equal(t, before, nn.Hash(p.encoder.Params()), "the encoder must stay as it is")

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err = Features(cancelled, e, enc, set, indices, views, 2)
	assert.ErrorIs(t, err, context.Canceled)

	enc.Params()[0].Value.Data()[0] = float32(math.NaN())
	_, err = Features(ctx, e, enc, set, indices, views, 2)
	assert.ErrorIs(t, err, ssl.ErrNotFinite)
}

// Bank and test set alike: with k 1 every point finds itself.
func TestKNNProbe(t *testing.T) {
	p := newProblem(t, 2)
	indices := upTo(3, 40)
	probe := KNNProbe{
		Engine: p.engine, Encoder: p.encoder, Augment: p.augment,
		Bank: p.images, Test: p.images, BankIndices: indices, TestIndices: indices,
		K: 1, T: .1, Batch: 16,
	}
	got, err := probe.Accuracy(context.Background())
	require.NoError(t, err)
	assert.Equal(t, 1., got)
	probe.K = 100
	_, err = probe.Accuracy(context.Background())
	assert.ErrorContains(t, err, "k: found 100, expected 1 to 37")
}

func TestLabels(t *testing.T) {
	set, err := data.NewSynthetic(data.SyntheticOptions{N: 20, Classes: 10, Size: 16, Seed: 1})
	require.NoError(t, err)
	assert.Equal(t, []int{set.Label(7), set.Label(2)}, Labels(set, []int{7, 2}))
}
