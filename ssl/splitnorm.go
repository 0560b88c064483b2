package ssl

import (
	"fmt"
	"strings"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// splitNorm runs networks over a batch in parts, so that batch norm normalises
// each part by itself, as it does on as many GPUs. The running statistics become
// the mean of what each part would have made of them.
type splitNorm struct {
	running  []*tensor.Tensor
	before   []*tensor.Tensor
	sum      []*tensor.Tensor
	averages *tensor.Averages // of running by sum
}

// newSplitNorm looks for batch norm among the parameters of the networks.
func newSplitNorm(params []*nn.Param) *splitNorm {
	s := &splitNorm{}
	for _, p := range params {
		if strings.HasSuffix(p.Name, ".running_mean") || strings.HasSuffix(p.Name, ".running_var") {
			s.running = append(s.running, p.Value)
			s.before = append(s.before, tensor.New(p.Value.Shape()...))
			s.sum = append(s.sum, tensor.New(p.Value.Shape()...))
		}
	}
	s.averages = tensor.NewAverages(s.sum, s.running)
	return s
}

// forward returns the rows of f(x) in the order of x. Every group of rows goes
// through f by itself; without batch norm all do at once.
func (s *splitNorm) forward(c *nn.Context, x *tensor.Tensor, groups [][]int,
	f func(*nn.Context, *tensor.Tensor) *tensor.Tensor) *tensor.Tensor {
	if len(groups) == 1 || len(s.running) == 0 {
		return f(c, x)
	}
	tp := c.Tape
	for i, r := range s.running {
		s.before[i].CopyFrom(r.Data())
	}
	place := make([]int, x.Dim(0)) // of every row in the joined parts
	var parts []*tensor.Tensor
	at := 0
	for g, rows := range groups {
		for i, r := range s.running {
			r.CopyFrom(s.before[i].Data())
		}
		parts = append(parts, f(pass(c, passOf(c)+uint64(g)<<8), tp.Gather(x, rows)))
		tp.Engine().Average(s.averages, float64(g)/float64(g+1))
		for _, r := range rows {
			place[r] = at
			at++
		}
	}
	for i, r := range s.running {
		r.CopyFrom(s.sum[i].Data())
	}
	return tp.Gather(tp.Concat(parts...), place)
}

// passOf is the number of the context's pass.
func passOf(c *nn.Context) uint64 {
	if c.Noise == nil {
		return 0
	}
	return c.Noise.Pass
}

// queryGroups cuts n images into k parts of neighbours. It panics if k does not
// divide n.
func queryGroups(n, k int) [][]int {
	if k < 1 || n%k != 0 {
		panic(fmt.Sprintf("ssl: a batch of %d images in %d parts", n, k))
	}
	groups := make([][]int, k)
	for g := range groups {
		groups[g] = upTo(g*n/k, (g+1)*n/k)
	}
	return groups
}

// keyGroups shuffles n images into k parts (He et al. 2020, Section 3.3, Shuffling
// BN) by the seed and the number of step and pass alone. The images of a part of
// queryGroups, in random order, are dealt out to all parts in turn: of the
// neighbours that an image has there it meets as few again as can be, and none if
// parts have at most k images.
func keyGroups(n, k int, seed, step, pass uint64) [][]int {
	r := rng.New(seed, "shuffle", step, pass)
	groups := make([][]int, k)
	dealt := 0
	for _, part := range queryGroups(n, k) {
		r.Shuffle(len(part), func(i, j int) { part[i], part[j] = part[j], part[i] })
		for _, image := range part {
			groups[dealt%k] = append(groups[dealt%k], image)
			dealt++
		}
	}
	return groups
}
