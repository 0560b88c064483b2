package memorize

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/locimem/locimem/memorize/table"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// AlignmentScore is alignment-matrix LayerMem of one tap on one set: a second
// wording of LayerMem, in which encoders are compared by how they place points
// to each other. The alignment matrix of a tap over points x_1 to x_n is
//
//	A_f[i,j] = cos(f(x_i'), f(x_j''))
//
// for two augmented views x' and x” that f and g share, and the score is
// 1 - cos(vec A_f, vec A_g): 0 for encoders that place the points alike, up to
// any scale. The lower the similarity, the more memorization it is read as.
//
// It has no sign. Exchanging f and g changes nothing, so candidates and
// independents score alike by symmetry, and half of their difference is no
// control. What to hold them against is S_S, which both saw, and S_E, which
// neither saw; and the same score of a pair trained on the same images. The
// matrices of ReLU layers share a large mean, which makes all scores small. All
// sets have the same number of points here, since the diagonal is 1/n of a matrix.
type AlignmentScore struct {
	Tap   string `json:"tap" col:"tap"`     // layer, as the encoder names it
	Depth int    `json:"depth" col:"depth"` // place of the tap in forward order, from 1
	// Set is candidate, shared, independent or external.
	Set string `json:"set" col:"set"`
	// Stat is the score of the whole matrix. Its standard error is the jackknife
	// over points, which drops a row and a column, and its interval a normal one.
	Stat Stat `json:"stat" col:"mean=score,se,lo,hi,n" unit:"1 - cosine"`
	// Rows is the mean over points of 1 - cos of row i of A_f and of A_g, the score
	// by points, with its bootstrap interval.
	Rows Stat `json:"rows" col:"mean=rows,se=rows_se,lo=rows_lo,hi=rows_hi" unit:"1 - cosine"`

	rows []float64
}

// AlignmentTable is alignment-matrix LayerMem.
var AlignmentTable = table.Of[AlignmentScore]("alignment.csv",
	"Alignment-matrix LayerMem; no rows unless score.alignment is on")

// Points returns the score of every point by rows, in the order of the set.
func (a *AlignmentScore) Points() []float64 { return a.rows }

// alignmentBytes is how much memory the activations of a group of taps may take.
const alignmentBytes = 512 << 20

// AlignmentMem returns alignment-matrix LayerMem of every tap on every set, by set
// and tap, over the first points of each set, as many as the smallest has. The
// views are the first two of Score.
//
// It needs the activations of two views of all points of a set in a tap at once,
// so it goes over the images again for each group of taps whose activations, of
// both encoders, take no more than 512 MiB; a tap that alone takes more is a group
// of its own. Beside them there are two matrices of n x n at a time. It returns
// an error for what Score refuses, and for sets of fewer than 3 points.
func AlignmentMem(ctx context.Context, e *tensor.Engine, f, g nn.Encoder, sets []Images, views Viewer, o Options,
	progress func(done, total int)) ([]AlignmentScore, error) {
	o.Mode, o.Views = Pair, 2
	taps, err := commonTaps(f, g, o.Taps)
	if err == nil {
		err = o.Validate()
	}
	if err != nil {
		return nil, err
	}
	plain := make([]Set, len(sets))
	for i, s := range sets {
		if err := s.check(sets[0].Data); err != nil {
			return nil, err
		}
		plain[i] = s.Set
	}
	cut, err := evenSets(plain)
	if err != nil {
		return nil, err
	}
	p := pass{e: e, o: &o, views: views}
	return alignmentPasses(ctx, e, f, g, taps, cut, o, func(yield func(Input, error) bool) {
		for s, set := range sets {
			for chunk := range slices.Chunk(cut[s].Points, max(1, o.BatchFor(f, e.Threads())/o.Views)) {
				if !yield(Input{s, p.input(set.Data.Image, chunk)}, nil) {
					return
				}
			}
		}
	}, progress)
}

// AlignmentInputs is AlignmentMem of inputs that were made elsewhere, as ScoreInputs takes
// them. It goes over them once for each group of taps.
func AlignmentInputs(ctx context.Context, e *tensor.Engine, f, g nn.Encoder, sets []Set, inputs iter.Seq2[Input, error],
	o Options, progress func(done, total int)) ([]AlignmentScore, error) {
	taps, err := commonTaps(f, g, o.Taps)
	if err == nil {
		err = o.Validate()
	}
	if err != nil {
		return nil, err
	}
	cut, err := evenSets(sets)
	if err != nil {
		return nil, err
	}
	two, err := firstTwo(inputs, cut, o)
	if err != nil {
		return nil, err
	}
	o.Mode, o.Views = Pair, 2
	return alignmentPasses(ctx, e, f, g, taps, cut, o, two, progress)
}

// AlignmentActivations is AlignmentMem of activations that were computed elsewhere:
// activations returns those of a tap of an encoder, as Accumulator.Add takes them. It goes
// over each once.
func AlignmentActivations(ctx context.Context, e *tensor.Engine, taps []Tap, sets []Set, o Options,
	activations func(tap int, side Side) iter.Seq2[Input, error]) ([]AlignmentScore, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	cut, err := evenSets(sets)
	if err != nil {
		return nil, err
	}
	m := &alignmentMem{on: true}
	pair := o
	pair.Mode, pair.Views = Pair, 2
	for t, tap := range taps {
		acc, err := newAccumulator(Plan{e, pair, []Tap{tap}, cut}, []Metric{m})
		if err != nil {
			return nil, err
		}
		for _, side := range Sides {
			two, err := firstTwo(activations(t, side), cut, o)
			if err != nil {
				return nil, err
			}
			for in, err := range two {
				if err == nil {
					err = ctx.Err()
				}
				if err == nil {
					err = acc.Add(side, in.Set, 0, in.X)
				}
				if err != nil {
					return nil, err
				}
			}
		}
	}
	var out Scores
	err = m.Finish(&out)
	return out.Alignments, err
}

// evenSets returns the first points of each set, as many as the smallest has.
func evenSets(sets []Set) ([]Set, error) {
	if len(sets) == 0 {
		return nil, errors.New("sets: found none, expected at least one")
	}
	n := len(sets[0].Points)
	for _, s := range sets {
		n = min(n, len(s.Points))
	}
	if n < 3 {
		return nil, fmt.Errorf("alignment matrices: the smallest set has %d points, expected at least 3", n)
	}
	cut := make([]Set, len(sets))
	for i, s := range sets {
		cut[i] = Set{s.Name, s.Points[:n]}
	}
	return cut, nil
}

// firstTwo yields the first two views of inputs of Options.Rows rows a point, of the points
// in sets, which are the first ones of the inputs. The image itself, in mode original, is
// none of the views.
func firstTwo(inputs iter.Seq2[Input, error], sets []Set, o Options) (iter.Seq2[Input, error], error) {
	rows, skip := o.Rows(), o.Rows()-o.Views
	if o.Views < 2 {
		return nil, fmt.Errorf("alignment matrices: found %d view of each point, expected at least 2", o.Views)
	}
	return func(yield func(Input, error) bool) {
		left := make([]int, len(sets))
		for i, s := range sets {
			left[i] = len(s.Points)
		}
		for in, err := range inputs {
			if err != nil {
				yield(in, err)
				return
			}
			n := min(in.X.Dim(0)/rows, left[in.Set])
			left[in.Set] -= n
			if n == 0 {
				continue
			}
			width := in.X.Len() / in.X.Dim(0)
			x := tensor.New(append([]int{2 * n}, in.X.Shape()[1:]...)...)
			for i := range n {
				copy(x.Data()[2*i*width:][:2*width], in.X.Data()[(i*rows+skip)*width:])
			}
			if !yield(Input{in.Set, x}, nil) {
				return
			}
		}
	}, nil
}

// alignmentPasses goes over inputs of two views of each point, once for each group of taps.
func alignmentPasses(ctx context.Context, e *tensor.Engine, f, g nn.Encoder, taps []Tap, sets []Set, o Options,
	inputs iter.Seq2[Input, error], progress func(done, total int)) ([]AlignmentScore, error) {
	n := len(sets[0].Points)
	groups := alignmentGroups(f.Taps(), taps, n)
	m := &alignmentMem{on: true}
	p := pass{e: e, o: &o, tape: e.NewTape(tensor.Inference)}
	done, total := 0, len(groups)*len(sets)*n
	var err error
	for _, group := range groups {
		if p.acc, err = newAccumulator(Plan{e, o, group, sets}, []Metric{m}); err != nil {
			return nil, err
		}
		err = p.over(ctx, f, g, inputs, func(in Input) {
			if done += in.X.Dim(0) / 2; progress != nil {
				progress(done, total)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	var out Scores
	err = m.Finish(&out)
	return out.Alignments, err
}

// alignmentGroups cuts taps into groups that fit into memory.
func alignmentGroups(infos []nn.TapInfo, taps []Tap, n int) [][]Tap {
	var groups [][]Tap
	left := 0
	for _, tap := range taps {
		bytes := 2 * 2 * 4 * n // two encoders, two views of n points
		for _, d := range infos[slices.IndexFunc(infos, func(i nn.TapInfo) bool { return i.Name == tap.Name })].Shape {
			bytes *= d
		}
		if len(groups) == 0 || bytes > left {
			groups, left = append(groups, nil), alignmentBytes
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], tap)
		left -= bytes
	}
	return groups
}

// alignmentMem is the metric of alignment matrices. In a pass with other metrics it
// does nothing: it needs all activations of a set at once, so AlignmentMem shows it a
// few taps at a time.
type alignmentMem struct {
	on   bool
	plan *Plan
	kept [2][][]twoViews    // [side][set][tap]
	rows [][]AlignmentScore // [set], by tap, over all passes
}

// twoViews are the activations of two views of the points of a set.
type twoViews struct {
	views [2]*tensor.Tensor // each [n, values]
	n     int               // points so far
}

// Begin implements Metric. It is called for each group of taps.
func (m *alignmentMem) Begin(p *Plan) error {
	m.plan = p
	for side := range m.kept {
		m.kept[side] = perSetAndTap(p, func(int) twoViews { return twoViews{} })
	}
	if m.rows == nil {
		m.rows = make([][]AlignmentScore, len(p.Sets))
	}
	return nil
}

// Add implements Metric. It scores a tap as soon as both encoders have shown all
// points of a set.
func (m *alignmentMem) Add(a *Activations) error {
	if !m.on {
		return nil
	}
	k := &m.kept[a.Side][a.Set][a.Tap]
	set, tap := m.plan.Sets[a.Set], m.plan.Taps[a.Tap]
	n, width := len(set.Points), a.X.Len()/a.X.Dim(0)
	for i := range a.X.Dim(0) {
		view := &k.views[i%2]
		if *view == nil {
			*view = tensor.New(n, width)
		}
		copy((*view).Data()[(k.n+i/2)*width:][:width], a.X.Data()[i*width:])
	}
	k.n += a.X.Dim(0) / 2
	if m.kept[F][a.Set][a.Tap].n < n || m.kept[G][a.Set][a.Tap].n < n {
		return nil
	}
	var matrices [2][]float64
	for side := range matrices {
		var err error
		if matrices[side], err = m.matrix(Side(side), a.Set, a.Tap); err != nil {
			return err
		}
	}
	row := alignmentScore(matrices[F], matrices[G], n, m.plan.Options.Level)
	row.Tap, row.Depth, row.Set = tap.Name, tap.Depth, set.Name
	m.rows[a.Set] = append(m.rows[a.Set], row)
	return nil
}

// Finish implements Metric.
func (m *alignmentMem) Finish(s *Scores) error {
	if !m.on {
		return nil
	}
	for i, set := range m.plan.Sets {
		var rows [][]float64
		for _, row := range m.rows[i] {
			rows = append(rows, row.rows)
		}
		for t, c := range resampled(m.plan.Engine, &m.plan.Options, set.Name, rows) {
			m.rows[i][t].Rows = c.stat(m.plan.Options.Level)
		}
	}
	s.Alignments = slices.Concat(m.rows...)
	return nil
}

// Tables implements Metric.
func (m *alignmentMem) Tables(s *Scores) []table.File {
	return []table.File{AlignmentTable.With(s.Alignments)}
}

// matrix returns the alignment matrix of a tap, n x n row by row, and lets its
// activations go. A vector of zeros has no direction: its cosines are 0.
func (m *alignmentMem) matrix(side Side, set, tap int) ([]float64, error) {
	k := &m.kept[side][set][tap]
	points := m.plan.Sets[set].Points
	n := len(points)
	first, second := k.views[0], k.views[1]
	k.views = [2]*tensor.Tensor{}
	product := tensor.New(n, n)
	m.plan.Engine.Product(product, first, second, false, true)
	var norms [2][]float64
	for v, x := range []*tensor.Tensor{first, second} {
		width := x.Dim(1)
		for i, p := range points {
			norm := math.Sqrt(m.plan.Engine.SumSquares(tensor.FromSlice(x.Data()[i*width:][:width], width)))
			if isNotFinite(norm) {
				return nil, fmt.Errorf("encoder %s, set %s, tap %s, point %d: an activation is NaN, infinite or too large",
					side, m.plan.Sets[set].Name, m.plan.Taps[tap].Name, p)
			}
			norms[v] = append(norms[v], norm)
		}
	}
	out := make([]float64, n*n)
	for i, a := range norms[0] {
		for j, b := range norms[1] {
			if a != 0 && b != 0 {
				out[i*n+j] = float64(product.Data()[i*n+j]) / (a * b)
			}
		}
	}
	return out, nil
}

// alignmentScore compares two alignment matrices of n points.
func alignmentScore(a, b []float64, n int, level float64) AlignmentScore {
	// Of each row and column sum a*b, sum a^2 and sum b^2, and of everything.
	var rows, cols = make([][3]float64, n), make([][3]float64, n)
	var all [3]float64
	products := func(at int) [3]float64 { return [3]float64{a[at] * b[at], a[at] * a[at], b[at] * b[at]} }
	for i := range n {
		for j := range n {
			for k, v := range products(i*n + j) {
				rows[i][k] += v
				cols[j][k] += v
				all[k] += v
			}
		}
	}
	out := AlignmentScore{Stat: Stat{Mean: apart(all), N: n}}
	left := make([]float64, n) // the score without point i
	mean := 0.0
	for i := range n {
		out.rows = append(out.rows, apart(rows[i]))
		without := all
		for k, own := range products(i*n + i) {
			without[k] -= rows[i][k] + cols[i][k] - own
		}
		left[i] = apart(without)
		mean += left[i] / float64(n)
	}
	for _, v := range left {
		out.Stat.SE += (v - mean) * (v - mean)
	}
	out.Stat.SE = math.Sqrt(out.Stat.SE * float64(n-1) / float64(n))
	half := distuv.UnitNormal.Quantile((1+level)/2) * out.Stat.SE
	out.Stat.Lo, out.Stat.Hi = out.Stat.Mean-half, out.Stat.Mean+half
	return out
}

// apart is 1 - cos from sums of a*b, a^2 and b^2: 0 of two vectors of zeros, 1 of
// one and another.
func apart(s [3]float64) float64 {
	a, b := math.Sqrt(max(0, s[1])), math.Sqrt(max(0, s[2]))
	switch {
	case a == 0 && b == 0:
		return 0
	case a == 0 || b == 0:
		return 1
	}
	// For equal matrices sqrt(x*x) is x to the last bit, so their cosine is 1.
	return 1 - max(-1, min(1, s[0]/math.Sqrt(s[1]*s[2])))
}
