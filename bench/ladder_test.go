package bench

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/tensor"
)

func TestLadder(t *testing.T) {
	r, err := Ladder(LadderOptions{N: 65, Rounds: 2, Engine: tensor.Options{Threads: 2}})
	require.NoError(t, err)
	require.Len(t, r.Steps, 8)
	assert.Positive(t, r.Peak)
	for i, s := range r.Steps {
		assert.InEpsilon(t, 2*65*65*65, s.GFLOPS*1e9*s.Millis/1e3, 1e-9)
		assert.Less(t, s.Error, 1e-4)
		if i > 0 {
			assert.InEpsilon(t, r.Steps[i-1].Millis, s.Speedup*s.Millis, 1e-9)
		}
	}
	assert.Equal(t, []int{1, 2}, []int{r.Steps[0].Threads, r.Steps[7].Threads})
	require.NoError(t, LadderFigure(r).Save(filepath.Join(t.TempDir(), "ladder.svg")))
	for _, o := range []LadderOptions{{N: 0, Rounds: 1}, {N: 5000, Rounds: 1}, {N: 4, Rounds: 0},
		{N: 4, Rounds: 1, Engine: tensor.Options{ISA: "mmx"}}} {
		_, err := Ladder(o)
		assert.Error(t, err)
	}
}

func TestFigures(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results.json")
	write := func(s string) { require.NoError(t, os.WriteFile(file, []byte(s), 0o644)) }
	write(`{"peak": {"data": {"gflops": {"1": 200}}}, "gemm": {"date": "today", "machine": "m",
		"data": {"peak": {"1": 200}, "cases": [
		{"name": "64 x 64 x 64", "trans": "nn", "threads": 1, "flop": 524288,
			"values": {"locimem": [0.003, 0.004], "BLIS": [0.005, 0.006]}},
		{"name": "64 x 64 x 64", "trans": "tn", "threads": 1, "flop": 524288,
			"values": {"locimem": [0.003], "BLIS": [0.005]}}]}},
		"conv": {"not_measured": "no"}}`)
	pages, err := Figures(file)
	require.NoError(t, err)
	require.Len(t, pages, 1)
	svg := filepath.Join(t.TempDir(), "gemm.svg")
	require.NoError(t, pages["gemm"].Save(svg))
	text, err := os.ReadFile(svg)
	require.NoError(t, err)
	assert.Contains(t, string(text), "64 x 64 x 64")
	assert.Contains(t, string(text), "BLIS")
	write(`{"peak": {"data": {"gflops": {"2": 400}, "gbps": {"2": 40}}},
		"gemm": {"data": {"peak": {"2": 400}, "cases": [
		{"name": "a", "trans": "nn", "threads": 2, "flop": 1e9, "bytes": 1e7,
			"values": {"locimem": [3], "BLIS": [5]}}]}},
		"conv": {"data": {"peak": {"2": 400}, "cases": [
		{"name": "b", "net": "resnet9", "pass": "data", "threads": 2, "flop": 1e8, "bytes": 1e8,
			"values": {"locimem": [3], "PyTorch": [5]}}]}}}`)
	pages, err = Figures(file)
	require.NoError(t, err)
	require.Len(t, pages, 3)
	svg = filepath.Join(t.TempDir(), "roofline.svg")
	require.NoError(t, pages["roofline"].Save(svg))
	text, err = os.ReadFile(svg)
	require.NoError(t, err)
	for _, want := range []string{"400 GFLOP/s on registers alone, 40 GB/s", "convolutions", "by PyTorch", "products",
		"by BLAS"} {
		assert.Contains(t, string(text), want)
	}
	write(`{"gemm": 3}`)
	_, err = Figures(file)
	assert.ErrorContains(t, err, "results.json")
	_, err = Figures(filepath.Join(t.TempDir(), "none"))
	assert.Error(t, err)
}
