package ssl

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

func TestKeyGroups(t *testing.T) {
	for _, c := range []struct{ n, k int }{{8, 2}, {64, 8}, {256, 8}, {100, 4}, {12, 6}, {9, 3}, {6, 1}} {
		queries := queryGroups(c.n, c.k)
		size := c.n / c.k
		for step := range uint64(20) {
			keys := keyGroups(c.n, c.k, 7, step, 0)
			require.Equal(t, keys, keyGroups(c.n, c.k, 7, step, 0), "a pure function of seed, step and pass")
			if size > 1 && c.n > 12 {
				require.NotEqual(t, keys, keyGroups(c.n, c.k, 7, step+1, 0))
				require.NotEqual(t, keys, keyGroups(c.n, c.k, 8, step, 0))
				require.NotEqual(t, keys, keyGroups(c.n, c.k, 7, step, 1))
			}
			all := slices.Sorted(slices.Values(slices.Concat(keys...)))
			require.Equal(t, upTo(0, c.n), all, "every image once")
			for _, key := range keys {
				require.Len(t, key, size)
				for _, query := range queries {
					common := 0
					for _, i := range key {
						if slices.Contains(query, i) {
							common++
						}
					}
					// An image that is in both shares its statistics with the other
					// common ones: as few as can be, and with itself alone where parts
					// have at most k images.
					require.LessOrEqual(t, common, (size+c.k-1)/c.k)
					if c.k > 1 {
						require.Less(t, common, max(size, 2), "key and query must not be normalised with the same images")
					}
				}
			}
		}
	}
	assert.Panics(t, func() { queryGroups(10, 3) })
	assert.Panics(t, func() { queryGroups(10, 0) })
}

// mocoKeys returns queries and keys of a batch of four, of which image changed is
// another one in both views.
func mocoKeys(t *testing.T, splits, changed int) (q, k [][]float64) {
	o := tinySettings
	o.BNSplits, o.Symmetric = splits, false
	m, err := New("mocov2", o.of("mocov2"), Setup{Encoder: tinyEncoder(t), Another: func() (nn.Encoder, error) { return tinyEncoder(t), nil }, Seed: 2})
	require.NoError(t, err)
	views := randomViews(4)
	if changed >= 0 {
		for _, v := range views {
			row := v.Data()[changed*v.Len()/4 : (changed+1)*v.Len()/4]
			for i := range row {
				row[i] = 1 - row[i]*row[i]
			}
		}
	}
	tp := newEngine(t, 2).NewTape(tensor.Training)
	defer tp.Release()
	capture := nn.NewCapture(ProjectionTap, TeacherTap)
	m.Loss(&nn.Context{Tape: tp, Taps: capture, Noise: &nn.Noise{Seed: 1, Step: 5}}, views)
	return rowsOf(capture.Outputs[ProjectionTap]), rowsOf(capture.Outputs[TeacherTap])
}

// The leak of batch norm in MoCo: an image that moves the statistics of another's
// query must not move those of its key too, or the network could find the key by
// their common statistics.
func TestNoKeySharesStatisticsWithItsQuery(t *testing.T) {
	for _, splits := range []int{2, 1} {
		q0, k0 := mocoKeys(t, splits, -1)
		leaks := 0
		for changed := range 4 {
			q, k := mocoKeys(t, splits, changed)
			for i := range 4 {
				inQuery, inKey := !slices.Equal(q[i], q0[i]), !slices.Equal(k[i], k0[i])
				if i == changed {
					assert.True(t, inQuery && inKey)
					continue
				}
				if inQuery && inKey {
					leaks++
				}
				if splits == 2 {
					assert.Equal(t, i/2 == changed/2, inQuery, "queries 0 and 1 are one part, 2 and 3 another")
				}
			}
		}
		if splits == 2 {
			assert.Zero(t, leaks)
		} else {
			assert.Equal(t, 12, leaks, "without parts everything sees everything")
		}
	}
}

// Parts give every row what it gets in a batch of its part alone, and running
// statistics the mean of what the parts give.
func TestSplitNorm(t *testing.T) {
	e := newEngine(t, 2)
	x := randomViews(6)[0]
	groups := [][]int{{4, 0, 3}, {1, 5, 2}}
	run := func(rows []int) ([][]float64, []*nn.Param) {
		enc := tinyEncoder(t)
		tp := e.NewTape(tensor.Training)
		defer tp.Release()
		c := &nn.Context{Tape: tp}
		if rows == nil {
			return rowsOf(newSplitNorm(enc.Params()).forward(c, x, groups, enc.Forward)), enc.Params()
		}
		return rowsOf(enc.Forward(c, tp.Gather(x, rows))), enc.Params()
	}
	got, after := run(nil)
	first, after1 := run(groups[0])
	second, after2 := run(groups[1])
	for g, part := range [][][]float64{first, second} {
		for i, r := range groups[g] {
			assert.Equal(t, part[i], got[r])
		}
	}
	for i, p := range after {
		if strings.Contains(p.Name, "running") {
			for j, v := range p.Value.Data() {
				require.InDelta(t, (after1[i].Value.Data()[j]+after2[i].Value.Data()[j])/2, v, 1e-6, p.Name)
			}
		}
	}

	// Without batch norm there is nothing to split.
	enc, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: .125, InH: 16, InW: 16, Norm: nn.NormGroup}, 1)
	require.NoError(t, err)
	calls := 0
	newSplitNorm(enc.Params()).forward(&nn.Context{Tape: e.NewTape(tensor.Training)}, x, groups, func(_ *nn.Context, x *tensor.Tensor) *tensor.Tensor {
		calls++
		return x
	})
	assert.Equal(t, 1, calls)
}

// The keys of a step take the place of the oldest, in training as in the tests of
// PushRows, and a training that goes on does so where it was (TestStopped...).
func TestQueueTakesKeys(t *testing.T) {
	p := newProblem(t, problemOptions{method: "mocov2"})
	m := p.method.(*MoCoV2)
	tp := p.config.Engine.NewTape(tensor.Training)
	old := rowsOf(m.queue.Value)
	for step, at := range []float32{16, 12} { // 2 x 8 keys into 20 places
		_, err := Step(StepConfig{Tape: tp, Method: m, Optimizer: p.config.Optimizer, LR: 1e-3, Noise: &nn.Noise{Step: uint64(step)}, Steps: 9}, randomViews(8))
		require.NoError(t, err)
		assert.Equal(t, []float32{at}, append([]float32{}, m.at.Value.Data()...))
		now := rowsOf(m.queue.Value)
		changed := 0
		for i := range now {
			assert.InDelta(t, 1, length(now[i]), 1e-6)
			if !slices.Equal(now[i], old[i]) {
				changed++
			}
		}
		assert.Equal(t, 16, changed)
		old = now
	}
}

func length(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x * x
	}
	return math.Sqrt(sum)
}
