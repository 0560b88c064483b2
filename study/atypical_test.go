package study

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/ssl/probe"
	"github.com/locimem/locimem/study/graph"
	"github.com/locimem/locimem/tensor"
)

// Data without marks have two criteria. The difference by disagreement is that of a plain count
// of neighbours.
func TestAtypicalWithoutMarks(t *testing.T) {
	s := verySmall(t)
	scales[0].sets = append(scales[0].sets, "data.synthetic.atypical_share=0", "data.synthetic.classes=4")
	st := graph.NewStore(t.TempDir())
	p, err := atypical.Plan(s)
	require.NoError(t, err)
	require.NoError(t, st.Run(context.Background(), p.Steps, &counter{}))
	d, err := p.Report(st)
	require.NoError(t, err)
	require.NoError(t, d.Check())
	require.Len(t, d.Claims, 2)
	assert.Equal(t, "atypical.disagreement", d.Claims[1].ID)

	l := plannerOf(s)
	r := l.Recipe(0)
	open, err := run.OpenLab(r)
	require.NoError(t, err)
	e, err := tensor.NewEngine(tensor.Options{Threads: 1})
	require.NoError(t, err)
	defer e.Close()
	points := slices.Concat(open.Split.Candidate, open.Split.Independent)
	others, far := disagreements(probe.Pixels(e, open.Train, points, open.Augment).Data(), probe.Labels(open.Train, points))
	order := make([]int, len(points))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if others[a] != others[b] {
			return others[a] - others[b]
		}
		return int(math.Copysign(1, far[a]-far[b]))
	})
	third := len(points) / 3
	require.Less(t, others[order[0]], others[order[len(order)-1]], "the images differ in their neighbours")

	// The last row of the report's table, from the files of both pairs.
	table := d.Sections[1].Tables[0]
	row := table.Rows[len(table.Rows)-1]
	var want float64
	for _, step := range p.Steps {
		one, err := readScores(st, step, memorize.UnitL2)
		require.NoError(t, err)
		for end, images := range [][]int{order[:third], order[len(order)-third:]} {
			sign := float64(2*end - 1)
			for _, set := range []string{memorize.Candidate, memorize.Independent} {
				a := one.Of(row[0].Text, set)
				var sum, n float64
				for _, i := range images {
					if k := slices.Index(a.Points, points[i]); k >= 0 {
						sum, n = sum+(a.G[k]-a.F[k])/(a.G[k]+a.F[k]), n+1
					}
				}
				want += sign * sum / n / 4 // two pairs, and half of the difference
				sign = -sign
			}
		}
	}
	assert.InDelta(t, want, *row[3].Value, 1e-9)
}

// disagreements counts, for each image, the images of other classes among its nearest by cosine.
// It also measures how far the image is from the others of its class, relative to the mean of
// that distance in the class.
func disagreements(pixels []float32, labels []int) (others []int, far []float64) {
	n := len(labels)
	size := len(pixels) / n
	image := func(i int) []float32 { return pixels[i*size : (i+1)*size] }
	dot := func(a, b []float32) (s float64) {
		for k := range a {
			s += float64(a[k]) * float64(b[k])
		}
		return s
	}
	others, far = make([]int, n), make([]float64, n)
	for i := range n {
		order := make([]int, 0, n)
		similar := make([]float64, n)
		mean, count := make([]float64, size), 0.0
		for k := range n {
			if k == i {
				continue
			}
			order = append(order, k)
			similar[k] = dot(image(i), image(k)) / math.Sqrt(dot(image(k), image(k)))
			if labels[k] == labels[i] {
				count++
				for j, v := range image(k) {
					mean[j] += float64(v)
				}
			}
		}
		slices.SortFunc(order, func(a, b int) int { return int(math.Copysign(1, similar[b]-similar[a])) })
		for _, k := range order[:neighbours] {
			if labels[k] != labels[i] {
				others[i]++
			}
		}
		for j, v := range image(i) {
			far[i] += math.Pow(float64(v)-mean[j]/count, 2)
		}
		far[i] = math.Sqrt(far[i])
	}
	sum, count := map[int]float64{}, map[int]float64{}
	for i, l := range labels {
		sum[l] += far[i]
		count[l]++
	}
	for i, l := range labels {
		far[i] /= sum[l] / count[l]
	}
	return others, far
}
