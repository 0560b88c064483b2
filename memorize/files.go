package memorize

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/locimem/locimem/internal/atomicfile"
)

// WriteFiles writes the scores into a directory that exists and returns the
// paths. Each file is replaced whole or not at all, and equal scores give equal
// bytes: numbers have as many digits as it takes to read them back exactly.
//
//	layermem.csv   LayerMem of every tap on every set, and the controlled score
//	delta.csv      Delta against the tap before
//	unitmem.csv    UnitMem of the units of f; unitmem_g.csv of those of g
//	classmem.csv   ClassMem of the units of f and of g; no rows without labels
//	points.csv     the alignments of every point, from which the others follow
//	delta_conv.csv Delta among the convolutions alone
//	auc.csv        candidates told from independents by their scores, at every tap
//	topk.csv       LayerMem of the most and the least memorized points
//	toppoints.csv  those points, by the first estimator and distance
//	memunits.csv   NumMemUnits of f and g; owners.csv the points that own top units
//	heldout.csv    members against non-members as owners of top units
//	preference.csv whether units prefer the images that their encoder saw
//	perturbation.csv and perturbation_units.csv   UnitChange, by tap and by unit
//	alignment.csv  alignment-matrix LayerMem; no rows unless asked for
//	scores.json    all but units and points, and the circumstances of everything
func (s *Scores) WriteFiles(dir string) ([]string, error) {
	files := []struct {
		name  string
		write func(io.Writer) error
	}{
		{"layermem.csv", s.WriteLayerMem},
		{"delta.csv", s.WriteDelta},
		{"unitmem.csv", func(w io.Writer) error { return WriteUnitMem(w, s.UnitsF) }},
		{"unitmem_g.csv", func(w io.Writer) error { return WriteUnitMem(w, s.UnitsG) }},
		{"classmem.csv", s.WriteClassMem},
		{"points.csv", s.WritePoints},
		{"delta_conv.csv", func(w io.Writer) error { return writeDeltas(w, s.ConvDeltas) }},
		{"auc.csv", s.writeSeparations},
		{"topk.csv", s.writeTopScores},
		{"toppoints.csv", s.writeRankedPoints},
		{"memunits.csv", s.writeNumMemUnits},
		{"owners.csv", s.writeOwners},
		{"heldout.csv", s.writeHeldOut},
		{"preference.csv", s.writePreferences},
		{"perturbation.csv", s.writeTapChanges},
		{"perturbation_units.csv", s.writeUnitChanges},
		{"alignment.csv", s.writeAlignments},
		{"scores.json", s.WriteJSON},
	}
	// Old scores stop being complete before the first of their files is replaced.
	if err := os.Remove(filepath.Join(dir, "scores.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var paths []string
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		if err := atomicfile.Write(path, f.write); err != nil {
			return paths, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// WriteLayerMem writes Layers as CSV. What a single point leaves undefined is
// an empty field.
func (s *Scores) WriteLayerMem(w io.Writer) error {
	rows := [][]string{{"tap", "depth", "set", "estimator", "distance", "mean", "se", "lo", "hi", "n"}}
	for _, l := range s.Layers {
		rows = append(rows, append([]string{l.Tap, strconv.Itoa(l.Depth), l.Set, string(l.Estimator), string(l.Distance)}, l.Stat.fields()...))
	}
	return csv.NewWriter(w).WriteAll(rows)
}

// WriteDelta writes Deltas as CSV, like WriteLayerMem.
func (s *Scores) WriteDelta(w io.Writer) error { return writeDeltas(w, s.Deltas) }

func writeDeltas(w io.Writer, deltas []DeltaScore) error {
	rows := [][]string{{"tap", "previous", "depth", "set", "estimator", "distance", "delta", "se", "lo", "hi", "n"}}
	for _, d := range deltas {
		rows = append(rows, append([]string{d.Tap, d.Previous, strconv.Itoa(d.Depth), d.Set, string(d.Estimator), string(d.Distance)}, d.Stat.fields()...))
	}
	return csv.NewWriter(w).WriteAll(rows)
}

// WriteUnitMem writes UnitMem of the units of one encoder as CSV.
func WriteUnitMem(w io.Writer, units []UnitScore) error {
	return writeTable(w, []string{"tap", "unit", "set", "estimator", "value", "mu_max", "mu_rest", "point"}, units, func(u UnitScore) []string {
		return []string{u.Tap, strconv.Itoa(u.Unit), u.Set, u.Estimator, number(u.Value), number(u.Max), number(u.Rest), strconv.Itoa(u.Point)}
	})
}

// WriteClassMem writes ClassMem of the units of both encoders as CSV.
func (s *Scores) WriteClassMem(w io.Writer) error {
	return writeTable(w, []string{"encoder", "tap", "unit", "estimator", "value", "mu_max", "mu_rest", "class"}, s.Classes, func(u ClassScore) []string {
		return []string{u.Encoder, u.Tap, strconv.Itoa(u.Unit), u.Estimator, number(u.Value), number(u.Max), number(u.Rest), strconv.Itoa(u.Class)}
	})
}

// WritePoints writes the alignments of every point as CSV, by set, tap and
// distance: what LayerMem is the mean of, under any estimator.
func (s *Scores) WritePoints(w io.Writer) error {
	c := csv.NewWriter(w)
	err := c.Write([]string{"tap", "set", "point", "distance", "ssl_f", "ssl_g"})
	for i, set := range s.sets {
		for t, tap := range s.Circumstances.Taps {
			for d, dist := range s.Circumstances.Options.Distances {
				f, g := s.points[i][t][F][d], s.points[i][t][G][d]
				for p, index := range set.Points {
					if err != nil {
						return err
					}
					err = c.Write([]string{tap.Name, set.Name, strconv.Itoa(index), string(dist), number(f[p]), number(g[p])})
				}
			}
		}
	}
	c.Flush()
	return c.Error()
}

// WriteJSON writes the circumstances, the scores of layers and the summaries of
// units as one JSON object.
func (s *Scores) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Circumstances Circumstances `json:"circumstances"`
		Layers        []LayerScore  `json:"layermem"`
		Deltas        []DeltaScore  `json:"delta"`
		UnitsF        []UnitSummary `json:"unitmem_f,omitempty"`
		UnitsG        []UnitSummary `json:"unitmem_g,omitempty"`
		ClassesF      []UnitSummary `json:"classmem_f,omitempty"`
		ClassesG      []UnitSummary `json:"classmem_g,omitempty"`

		ConvDeltas  []DeltaScore     `json:"delta_conv,omitempty"`
		Separations []Separation     `json:"auc,omitempty"`
		TopScores   []TopScore       `json:"topk,omitempty"`
		NumMemUnits []NumMemUnits    `json:"memunits,omitempty"`
		HeldOut     []HeldOut        `json:"held_out,omitempty"`
		TapChanges  []TapChange      `json:"perturbation,omitempty"`
		Alignments  []AlignmentScore `json:"alignment,omitempty"`
		Swap        SwapSymmetry     `json:"swap_symmetry"`
	}{s.Circumstances, s.Layers, s.Deltas, s.SummaryF, s.SummaryG, s.classSummary(F), s.classSummary(G),
		s.ConvDeltas, s.Separations, s.TopScores, s.NumMemUnits, s.HeldOut, s.TapChanges, s.Alignments, s.Swap})
}

// classSummary says how ClassMem of an encoder is spread over the units of each
// tap.
func (s *Scores) classSummary(side Side) []UnitSummary {
	var units []UnitScore
	for _, c := range s.Classes {
		if c.Encoder == side.String() {
			units = append(units, UnitScore{Tap: c.Tap, Set: "train", Value: c.Value, Point: c.Class})
		}
	}
	return summarize(units, s.Circumstances.Taps)
}

// fields returns the last columns of a table of means.
func (s Stat) fields() []string {
	return []string{number(s.Mean), number(s.SE), number(s.Lo), number(s.Hi), strconv.Itoa(s.N)}
}

// number writes v so that it reads back exactly, and NaN as nothing.
func number(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
