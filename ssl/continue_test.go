package ssl

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
)

// continued is a problem that goes on with one or more points.
func continued(t testing.TB, method string, points []int, times, threads int) (*problem, error) {
	p := newProblem(t, problemOptions{method: method, threads: threads})
	p.config.Indices, p.config.Batch = nil, 0
	var err error
	p.config, err = ContinueOn(p.config, points, times)
	return p, err
}

func TestContinueOnOnePoint(t *testing.T) {
	hashes := map[string]bool{}
	for _, threads := range []int{1, 3} {
		p, err := continued(t, "simsiam", []int{60}, 8, threads)
		require.NoError(t, err)
		assert.Equal(t, 8, p.config.Batch)
		before := nn.Hash(p.encoder.Params())
		require.NoError(t, p.run(t, context.Background()))
		require.Len(t, p.records, problemEpochs)
		assert.NotEqual(t, before, nn.Hash(p.encoder.Params()))
		hashes[nn.Hash(p.encoder.Params())] = true
	}
	assert.Len(t, hashes, 1, "the same bits for any number of threads")
}

// A batch of one point is made of different views of that point.
func TestContinueOnViews(t *testing.T) {
	p, err := continued(t, "byol", []int{60}, 4, 2)
	require.NoError(t, err)
	b := newBatches(&p.config)
	for _, v := range b.fill(0, upTo(0, 4)) {
		n := v.Len() / 4
		seen := map[string]bool{}
		for i := range 4 {
			row := make([]byte, 0, n)
			for _, x := range v.Data()[i*n : (i+1)*n] {
				row = append(row, byte(int(x*50)+128))
			}
			seen[string(row)] = true
			assert.Equal(t, p.config.Dataset.Image(0), p.config.Dataset.Image(i))
		}
		assert.Len(t, seen, 4)
	}
}

func TestContinueOnErrors(t *testing.T) {
	for _, m := range []string{"simclr", "mocov2", "mocov3"} {
		_, err := continued(t, m, []int{1}, 8, 1)
		assert.ErrorContains(t, err, "use a method without negatives")
		_, err = continued(t, m, upTo(0, 20), 1, 1)
		assert.NoError(t, err, "other images are there")
	}
	for says, c := range map[string]struct {
		points []int
		times  int
	}{
		"points: found none":             {nil, 1},
		"times: found 0":                 {[]int{1}, 0},
		"points: found image 64":         {[]int{64}, 2},
		"points: image 3 is there twice": {[]int{3, 3}, 2},
	} {
		_, err := continued(t, "simsiam", c.points, c.times, 1)
		assert.ErrorContains(t, err, says)
	}
	p := newProblem(t, problemOptions{method: "simsiam"})
	_, err := ContinueOn(p.config, []int{1}, 8)
	assert.ErrorContains(t, err, "Indices: found 35")
}
