package run

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/locimem/locimem/memorize"
)

// The tables of a run, in its folder scores.
const (
	layerMemCSV = "layermem.csv"
	deltaCSV    = "delta.csv"
	unitMemCSV  = "unitmem.csv"
	unitMemGCSV = "unitmem_g.csv"
	classMemCSV = "classmem.csv"
	pointsCSV   = "points.csv"
	scoresJSON  = "scores.json"

	deltaConvCSV         = "delta_conv.csv"
	aucCSV               = "auc.csv"
	topKCSV              = "topk.csv"
	topPointsCSV         = "toppoints.csv"
	memUnitsCSV          = "memunits.csv"
	ownersCSV            = "owners.csv"
	heldOutCSV           = "heldout.csv"
	preferenceCSV        = "preference.csv"
	perturbationCSV      = "perturbation.csv"
	perturbationUnitsCSV = "perturbation_units.csv"
	alignmentCSV         = "alignment.csv"
)

// Tables are the scores as the files of a run have them.
type Tables struct {
	Layers []memorize.LayerScore
	Deltas []memorize.DeltaScore
	Units  []memorize.UnitScore // of f
	UnitsG []memorize.UnitScore // of g
	// Classes is ClassMem of f, empty without labels.
	Classes []memorize.ClassScore
}

// ReadTables reads the tables in a folder that Scores.WriteFiles wrote. What a
// single point leaves undefined is NaN.
func ReadTables(dir string) (*Tables, error) {
	var t Tables
	err := readTable(filepath.Join(dir, layerMemCSV), []string{"tap", "depth", "set", "estimator", "distance", "mean", "se", "lo", "hi", "n"},
		func(r *row) {
			t.Layers = append(t.Layers, memorize.LayerScore{Tap: r.text("tap"), Depth: r.int("depth"), Set: r.text("set"),
				Estimator: memorize.Estimator(r.text("estimator")), Distance: memorize.Distance(r.text("distance")), Stat: r.stat("mean")})
		})
	if err != nil {
		return nil, err
	}
	err = readTable(filepath.Join(dir, deltaCSV), []string{"tap", "previous", "depth", "set", "estimator", "distance", "delta", "se", "lo", "hi", "n"},
		func(r *row) {
			t.Deltas = append(t.Deltas, memorize.DeltaScore{Tap: r.text("tap"), Previous: r.text("previous"), Depth: r.int("depth"), Set: r.text("set"),
				Estimator: memorize.Estimator(r.text("estimator")), Distance: memorize.Distance(r.text("distance")), Stat: r.stat("delta")})
		})
	if err != nil {
		return nil, err
	}
	for _, of := range []struct {
		file  string
		units *[]memorize.UnitScore
	}{{unitMemCSV, &t.Units}, {unitMemGCSV, &t.UnitsG}} {
		err = readTable(filepath.Join(dir, of.file), []string{"tap", "unit", "set", "estimator", "value", "mu_max", "mu_rest", "point"},
			func(r *row) {
				*of.units = append(*of.units, memorize.UnitScore{Tap: r.text("tap"), Unit: r.int("unit"), Set: r.text("set"), Estimator: r.text("estimator"),
					Value: r.float("value"), Max: r.float("mu_max"), Rest: r.float("mu_rest"), Point: r.int("point")})
			})
		if err != nil {
			return nil, err
		}
	}
	err = readTable(filepath.Join(dir, classMemCSV), []string{"encoder", "tap", "unit", "estimator", "value", "mu_max", "mu_rest", "class"},
		func(r *row) {
			c := memorize.ClassScore{Encoder: r.text("encoder"), Tap: r.text("tap"), Unit: r.int("unit"), Estimator: r.text("estimator"),
				Value: r.float("value"), Max: r.float("mu_max"), Rest: r.float("mu_rest"), Class: r.int("class")}
			if c.Encoder == F {
				t.Classes = append(t.Classes, c)
			}
		})
	return &t, err
}

// row is one line of a table. The first thing wrong with it is kept.
type row struct {
	header, fields []string
	err            error
}

func (r *row) text(name string) string { return r.fields[slices.Index(r.header, name)] }

func (r *row) int(name string) int {
	n, err := strconv.Atoi(r.text(name))
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%s: want a whole number, found %q", name, r.text(name))
	}
	return n
}

func (r *row) float(name string) float64 {
	s := r.text(name)
	if s == "" {
		return math.NaN()
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%s: want a number, found %q", name, s)
	}
	return v
}

// distance is a number that is finite and no less than 0 but for rounding.
func (r *row) distance(name string) float64 {
	v := r.float(name)
	if !(v >= -1e-6 && v <= math.MaxFloat64) && r.err == nil {
		r.err = fmt.Errorf("%s: found %q, expected a finite distance of 0 or more", name, r.text(name))
	}
	return v
}

func (r *row) stat(mean string) memorize.Stat {
	return memorize.Stat{Mean: r.float(mean), SE: r.float("se"), Lo: r.float("lo"), Hi: r.float("hi"), N: r.int("n")}
}

// readTable calls f for each line after a header that must be the given one.
func readTable(path string, header []string, f func(*row)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	c := csv.NewReader(file)
	for n := 1; ; n++ {
		fields, err := c.Read()
		switch {
		case errors.Is(err, io.EOF) && n > 1:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%s: found an empty file, expected the columns %v", path, header)
		case errors.Is(err, csv.ErrFieldCount):
			return fmt.Errorf("%s:%d: found %d columns, expected %d: the file may be cut short", path, n, len(fields), len(header))
		case err != nil:
			return fmt.Errorf("%s: %w", path, err)
		}
		if n == 1 {
			if !slices.Equal(fields, header) {
				return fmt.Errorf("%s: want the columns %v, found %v", path, header, fields)
			}
			continue
		}
		r := row{header: header, fields: fields}
		if f(&r); r.err != nil {
			return fmt.Errorf("%s:%d: %w", path, n, r.err)
		}
	}
}
