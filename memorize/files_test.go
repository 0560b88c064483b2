package memorize

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// csvTable reads a CSV file as maps by column.
func csvTable(t testing.TB, path string) (header string, rows []map[string]string) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	lines, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	require.NoError(t, err)
	for _, l := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = l[i]
		}
		rows = append(rows, row)
	}
	return strings.Join(lines[0], ","), rows
}

func float(t testing.TB, s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	require.NoError(t, err)
	return v
}

// number writes v as the tables do.
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func TestFilesHoldTheScores(t *testing.T) {
	w := newWorld(small(), 7, positive)
	s := w.score(t, engine(t, 2), 2)
	s.Provenance.Recipe = "abc"
	s.Provenance.Seeds = map[string]uint64{"f": 1, "g": 2}
	dir := t.TempDir()
	paths, err := s.WriteFiles(dir)
	require.NoError(t, err)
	require.Len(t, paths, 18)

	header, rows := csvTable(t, filepath.Join(dir, "layermem.csv"))
	assert.Equal(t, "tap,depth,set,estimator,distance,mean,se,lo,hi,n", header)
	require.Len(t, rows, len(s.Layers))
	byKey := map[string]float64{}
	for i, r := range rows {
		l := s.Layers[i]
		assert.Equal(t, []string{l.Tap, strconv.Itoa(l.Depth), l.Set, string(l.Estimator), string(l.Distance)},
			[]string{r["tap"], r["depth"], r["set"], r["estimator"], r["distance"]})
		// Exact: the file says all that is known.
		assert.Equal(t, l.Stat, Stat{float(t, r["mean"]), float(t, r["se"]), float(t, r["lo"]), float(t, r["hi"]), int(float(t, r["n"]))})
		byKey[r["tap"]+r["set"]+r["estimator"]+r["distance"]] = l.Stat.Mean
	}

	header, rows = csvTable(t, filepath.Join(dir, "delta.csv"))
	assert.Equal(t, "tap,previous,depth,set,estimator,distance,delta,se,lo,hi,n", header)
	require.Len(t, rows, len(s.Deltas))
	for _, r := range rows {
		key := r["set"] + r["estimator"] + r["distance"]
		assert.InDelta(t, byKey[r["tap"]+key]-byKey[r["previous"]+key], float(t, r["delta"]), 1e-12)
	}

	for name, units := range map[string][]UnitScore{"unitmem.csv": s.UnitsF, "unitmem_g.csv": s.UnitsG} {
		header, rows = csvTable(t, filepath.Join(dir, name))
		assert.Equal(t, "tap,unit,set,estimator,value,mu_max,mu_rest,point", header)
		require.Len(t, rows, len(units))
		for i, r := range rows {
			u := units[i]
			assert.Equal(t, u, UnitScore{r["tap"], int(float(t, r["unit"])), r["set"], r["estimator"],
				float(t, r["value"]), float(t, r["mu_max"]), float(t, r["mu_rest"]), int(float(t, r["point"]))})
		}
	}

	// points.csv is enough to work everything out again.
	header, rows = csvTable(t, filepath.Join(dir, "points.csv"))
	assert.Equal(t, "tap,set,point,distance,ssl_f,ssl_g", header)
	assert.Len(t, rows, 20*3*5)
	sum := 0.0
	for _, r := range rows {
		if r["tap"] == "tokens" && r["set"] == Shared && r["distance"] == "cosine" {
			f, g := float(t, r["ssl_f"]), float(t, r["ssl_g"])
			sum += (g - f) / (g + f)
		}
	}
	assert.InDelta(t, byKey["tokens"+Shared+"paper"+"cosine"], sum/7, 1e-12)

	b, err := os.ReadFile(filepath.Join(dir, "scores.json"))
	require.NoError(t, err)
	var got struct {
		Provenance Provenance `json:"circumstances"`
		LayerMem   []LayerScore
		Delta      []DeltaScore
		UnitMemF   []UnitSummary `json:"unitmem_f"`
	}
	require.NoError(t, json.Unmarshal(b, &got))
	want := s.Provenance
	want.Options.Batch = 0 // it changes nothing and is not written
	assert.Equal(t, want, got.Provenance)
	assert.Equal(t, s.Layers, got.LayerMem)
	assert.Equal(t, s.Deltas, got.Delta)
	assert.Equal(t, s.SummaryF, got.UnitMemF)
	for _, field := range []string{"estimators", "distances", "mode", "views", "rest", "absolute", "resamples", "level", "seed",
		"taps", "sets", "encoder_pairs", "interval_covers", "isa", "recipe_hash", "seeds"} {
		assert.Contains(t, string(b), `"`+field+`"`)
	}
}

func TestFilesAreTheSameBytesAgain(t *testing.T) {
	w := newWorld(small(), 8, positive)
	a, b := t.TempDir(), t.TempDir()
	paths, err := w.score(t, engine(t, 1), 1).WriteFiles(a)
	require.NoError(t, err)
	_, err = w.score(t, engine(t, 3), 5).WriteFiles(b)
	require.NoError(t, err)
	for _, p := range paths {
		first, err := os.ReadFile(p)
		require.NoError(t, err)
		second, err := os.ReadFile(filepath.Join(b, filepath.Base(p)))
		require.NoError(t, err)
		assert.Equal(t, string(first), string(second), p)
	}
}

func TestWriteFilesSaysWhere(t *testing.T) {
	s := newWorld(small(), 9, positive).score(t, engine(t, 1), 1)
	_, err := s.WriteFiles(filepath.Join(t.TempDir(), "missing"))
	assert.ErrorContains(t, err, "missing")
}
