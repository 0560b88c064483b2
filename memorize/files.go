package memorize

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/locimem/locimem/internal/atomicfile"
	"github.com/locimem/locimem/memorize/table"
)

// JSONFile is the file of a ScoresJSON. It is written last, so scores without it
// are incomplete.
const JSONFile = "scores.json"

// tables returns the tables of the metrics of this package, with their rows.
func (s *Scores) tables() []table.File {
	all, _ := builtIn()
	return tablesOf(s, all)
}

func tablesOf(s *Scores, metrics []Metric) []table.File {
	var out []table.File
	for _, m := range metrics {
		out = append(out, m.Tables(s)...)
	}
	return out
}

// TableSpecs returns what the tables of scores are, those of registered metrics last.
func TableSpecs() []table.Spec {
	var out []table.Spec
	for _, t := range slices.Concat((&Scores{}).tables(), tablesOf(&Scores{}, created())) {
		out = append(out, t.Spec)
	}
	return out
}

// Files returns the names of all files that WriteFiles writes, the last one last,
// without those of metrics that are handed to Score.
func Files() []string {
	var out []string
	for _, t := range TableSpecs() {
		out = append(out, t.File)
	}
	return append(out, JSONFile)
}

// WriteFiles writes the scores into a directory that exists and returns the
// paths: every table, and scores.json. Each file is replaced whole or not at all,
// and equal scores give equal bytes. docs/data-dictionary.md explains every column.
func (s *Scores) WriteFiles(dir string) ([]string, error) {
	// Old scores stop being complete before the first of their files is replaced.
	if err := os.Remove(filepath.Join(dir, JSONFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var paths []string
	for _, t := range append(s.tables(), tablesOf(s, s.extra)...) {
		path, err := t.Save(dir)
		if err != nil {
			return paths, err
		}
		paths = append(paths, path)
	}
	path := filepath.Join(dir, JSONFile)
	if err := atomicfile.Write(path, s.WriteJSON); err != nil {
		return paths, err
	}
	return append(paths, path), nil
}

// ScoresJSON is scores.json: the scores of layers, summaries of those of units, and
// what all of them depend on.
type ScoresJSON struct {
	Provenance Provenance    `json:"circumstances"`        // what the scores depend on
	Layers     []LayerScore  `json:"layermem"`             // layermem.csv
	Deltas     []DeltaScore  `json:"delta"`                // delta.csv
	UnitsF     []UnitSummary `json:"unitmem_f,omitempty"`  // UnitMem of the units of f, by tap and set
	UnitsG     []UnitSummary `json:"unitmem_g,omitempty"`  // UnitMem of the units of g, by tap and set
	ClassesF   []UnitSummary `json:"classmem_f,omitempty"` // ClassMem of the units of f, by tap
	ClassesG   []UnitSummary `json:"classmem_g,omitempty"` // ClassMem of the units of g, by tap

	ConvDeltas  []DeltaScore     `json:"delta_conv,omitempty"`   // delta_conv.csv
	Separations []Separation     `json:"auc,omitempty"`          // auc.csv
	TopScores   []TopScore       `json:"topk,omitempty"`         // topk.csv
	NumMemUnits []NumMemUnits    `json:"memunits,omitempty"`     // memunits.csv
	HeldOut     []HeldOut        `json:"held_out,omitempty"`     // heldout.csv
	TapChanges  []TapChange      `json:"perturbation,omitempty"` // perturbation.csv
	Alignments  []AlignmentScore `json:"alignment,omitempty"`    // alignment.csv
	Swap        SwapSymmetry     `json:"swap_symmetry"`          // check that exchanging f and g changes signs only
}

// WriteJSON writes the scores as one ScoresJSON.
func (s *Scores) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(ScoresJSON{
		Provenance: s.Provenance, Layers: s.Layers, Deltas: s.Deltas, UnitsF: s.SummaryF, UnitsG: s.SummaryG,
		ClassesF: s.classSummary(F), ClassesG: s.classSummary(G),
		ConvDeltas: s.ConvDeltas, Separations: s.Separations, TopScores: s.TopScores, NumMemUnits: s.NumMemUnits,
		HeldOut: s.HeldOut, TapChanges: s.TapChanges, Alignments: s.Alignments, Swap: s.Swap,
	})
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
	return summarize(units, s.Provenance.Taps)
}

// ReadProvenance returns what the scores in a folder depend on. It wraps
// fs.ErrNotExist where scores.json is missing.
func ReadProvenance(dir string) (*Provenance, error) {
	path := filepath.Join(dir, JSONFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var s struct {
		Provenance Provenance `json:"circumstances"`
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &s.Provenance, nil
}
