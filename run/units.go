package run

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/internal/atomicfile"
	"github.com/locimem/locimem/internal/figure"
	"github.com/locimem/locimem/internal/progress"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/tensor"
)

// UnitsConfig says whose units are ranked, and on which images.
type UnitsConfig struct {
	Weights string // safetensors
	Load    Loading
	Part    data.Part
	Points  int // the first ones of the part; 0: all
	Top     int // units, overall and of each tap
	Images  int // named and drawn for each unit
	// AbsoluteByDefault takes |activation| of vision transformers whatever the recipe
	// says, since nearly all of their units are negative for some image.
	AbsoluteByDefault bool
	Out               string
}

// UnitReport is what is known of the units of a single encoder.
type UnitReport struct {
	Encoder   string `json:"encoder"`
	Weights   string `json:"weights"`
	Hash      string `json:"weights_sha256"`
	Data      string `json:"data"`
	Points    int    `json:"points"`
	Views     int    `json:"views"`
	Estimator string `json:"estimator"`
	ISA       string `json:"isa"`
	// Units is the number of units of the taps, Unbounded that of those which are
	// not ranked because some point's mean activation is negative.
	Units     int `json:"units"`
	Unbounded int `json:"unbounded"`
	Dead      int `json:"dead"`
	// Top are the units of the largest UnitMem of all taps, Owners the points
	// that own them.
	Top    []memorize.RankedUnit `json:"top"`
	Owners memorize.Owners       `json:"owners"`
	Taps   []TapUnits            `json:"taps"`
}

// Absolute tells whether the units are ranked by |activation|.
func (r *UnitReport) Absolute() bool { return strings.HasSuffix(r.Estimator, "-absolute") }

// TapUnits is the same for one tap.
type TapUnits struct {
	Tap       string `json:"tap"`
	Depth     int    `json:"depth"`
	Units     int    `json:"units"`
	Unbounded int    `json:"unbounded"`
	Dead      int    `json:"dead"`
	// Mean of UnitMem over the ranked units and the dead ones, which have 0; nil
	// without any.
	Mean   *float64              `json:"mean"`
	Top    []memorize.RankedUnit `json:"top"`
	Owners memorize.Owners       `json:"owners"`
}

// Units ranks the units of one encoder by UnitMem, by the recipe's encoder, data,
// views and score section. It writes into the folder Out
//
//	units.csv      every unit
//	top_units.csv  the top units overall (tap "all") and of each tap, a row for
//	               each of the points that they answer most to
//	units.json     the report
//	top_units.png  a row of images for each of the top units; nothing if no unit
//	               can be ranked
func Units(ctx context.Context, r *recipe.Recipe, c UnitsConfig, rep Reporter) (*UnitReport, error) {
	set, l, err := unitImages(r, c)
	if err != nil {
		return nil, err
	}
	enc, err := l.Encoder(F)
	if err != nil {
		return nil, err
	}
	if _, err := c.Load.encoder(r, enc, l.shape(), c.Weights, 0, true, rep); err != nil {
		return nil, err
	}
	e, err := tensor.NewEngine(tensor.Options{Threads: r.Train.Threads})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder for the units: %w", err)
	}
	began := time.Now()
	bar := rep.Bar("units", "points", len(set.Points), 0)
	o := r.ScoreOptions()
	if _, vit := enc.(nn.TokenEncoder); vit && c.AbsoluteByDefault {
		o.Absolute = true
	}
	all, err := memorize.ScoreUnits(ctx, e, enc, set, l.ScoreViews, o, c.Images, func(done int) { bar.Set(done) })
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].Top = answered(all[i].Top)
	}
	report := unitReport(all, c.Top)
	report.Encoder, report.Weights, report.Hash = r.Encoder.Name, c.Weights, nn.Hash(enc.Params())
	report.Data, report.Points, report.Views, report.ISA = set.Data.Name(), len(set.Points), o.Views, e.ISA()
	bar.Finish("%d units of %d taps on %d points with %d views in %s", report.Units, len(report.Taps), report.Points, o.Views, progress.Duration(time.Since(began)))
	if err := report.write(all, c.Out); err != nil {
		return nil, err
	}
	return report, report.draw(set.Data, filepath.Join(c.Out, "top_units.png"))
}

// answered leaves out points that a unit does not answer to at all, but for the
// first: behind a ReLU most of them may be at 0, and those are in no order.
func answered(top []memorize.PointMean) []memorize.PointMean {
	n := 1
	for n < len(top) && top[n].Mu != 0 {
		n++
	}
	return top[:n]
}

// unitImages opens the data and chooses the points.
func unitImages(r *recipe.Recipe, c UnitsConfig) (memorize.Images, *Lab, error) {
	l, err := OpenLab(r)
	if err != nil {
		return memorize.Images{}, nil, err
	}
	d := l.Train
	if c.Part == data.Test {
		d = l.Test
	}
	n := d.Len()
	if c.Points > n {
		return memorize.Images{}, nil, fmt.Errorf("points: found %d, %s has %d images", c.Points, d.Name(), n)
	}
	if c.Points > 0 {
		n = c.Points
	}
	set := memorize.Images{Set: memorize.Set{Name: d.Name()}, Data: d}
	for i := range n {
		set.Points = append(set.Points, i)
	}
	return set, l, nil
}

// unitReport sums up units that are ordered by tap.
func unitReport(all []memorize.RankedUnit, top int) *UnitReport {
	r := &UnitReport{Units: len(all), Estimator: all[0].Estimator, Top: memorize.TopUnits(all, top)}
	r.Owners = memorize.OwnersOf(r.Top)
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Tap == all[0].Tap {
			n++
		}
		t := TapUnits{Tap: all[0].Tap, Depth: all[0].Depth, Units: n, Top: memorize.TopUnits(all[:n], top)}
		t.Owners = memorize.OwnersOf(t.Top)
		var values []float64
		for _, u := range all[:n] {
			if !u.Bounded {
				t.Unbounded++
				continue
			}
			if u.Point < 0 {
				t.Dead++
			}
			values = append(values, u.Value)
		}
		if len(values) > 0 {
			mean := stat.Mean(values, nil)
			t.Mean = &mean
		}
		r.Unbounded, r.Dead = r.Unbounded+t.Unbounded, r.Dead+t.Dead
		r.Taps = append(r.Taps, t)
		all = all[n:]
	}
	return r
}

// write writes the tables and the report.
func (r *UnitReport) write(all []memorize.RankedUnit, dir string) error {
	f := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	units := [][]string{{"tap", "depth", "unit", "estimator", "value", "mu_max", "mu_rest", "point", "bounded"}}
	for _, u := range all {
		units = append(units, []string{u.Tap, strconv.Itoa(u.Depth), strconv.Itoa(u.Unit), u.Estimator, f(u.Value), f(u.Max), f(u.Rest),
			strconv.Itoa(u.Point), strconv.FormatBool(u.Bounded)})
	}
	top := [][]string{{"of", "rank", "tap", "unit", "value", "image", "point", "mu"}}
	add := func(of string, ranked []memorize.RankedUnit) {
		for i, u := range ranked {
			for k, p := range u.Top {
				top = append(top, []string{of, strconv.Itoa(i + 1), u.Tap, strconv.Itoa(u.Unit), f(u.Value), strconv.Itoa(k + 1), strconv.Itoa(p.Point), f(p.Mu)})
			}
		}
	}
	add("all", r.Top)
	for _, t := range r.Taps {
		add(t.Tap, t.Top)
	}
	for name, write := range map[string]func(io.Writer) error{
		"units.csv":     func(w io.Writer) error { return csv.NewWriter(w).WriteAll(units) },
		"top_units.csv": func(w io.Writer) error { return csv.NewWriter(w).WriteAll(top) },
	} {
		if err := atomicfile.Write(filepath.Join(dir, name), write); err != nil {
			return fmt.Errorf("writing the units: %w", err)
		}
	}
	if err := atomicfile.WriteJSON(filepath.Join(dir, "units.json"), r); err != nil {
		return fmt.Errorf("writing the units: %w", err)
	}
	return nil
}

// draw draws the images of the top units.
func (r *UnitReport) draw(d data.Dataset, path string) error {
	h, w, c := d.Shape()
	if len(r.Top) == 0 || c != 1 && c != 3 {
		return nil
	}
	var rows []figure.GalleryRow
	for i, u := range r.Top {
		row := figure.GalleryRow{Title: fmt.Sprintf("%d  %s, unit %d", i+1, u.Tap, u.Unit),
			Lines: []string{fmt.Sprintf("UnitMem %.3f", u.Value), fmt.Sprintf("owner: image %d", u.Point)}}
		if name := className(d, u.Point); name != "" {
			row.Lines = append(row.Lines, name)
		}
		for _, p := range u.Top {
			row.Tiles = append(row.Tiles, figure.Tile{Pixels: d.Image(p.Point), H: h, W: w, C: c, Label: fmt.Sprintf("%d: %.3g", p.Point, p.Mu)})
		}
		rows = append(rows, row)
	}
	note := fmt.Sprintf("%s on %d images of %s, %d views, %s of the others\nFramed: the image that owns the unit. Below an image: its index and mean activation.",
		filepath.Base(r.Weights), r.Points, r.Data, r.Views, r.Estimator)
	if err := figure.SaveGallery(path, fmt.Sprintf("Top %d units of %s by UnitMem", len(r.Top), r.Encoder), note, rows); err != nil {
		return fmt.Errorf("drawing: %w", err)
	}
	return nil
}

// className returns the name of the class of an image, "" if there is none.
func className(d data.Dataset, i int) string {
	if l := d.Label(i); l >= 0 && l < len(d.Classes()) {
		return d.Classes()[l]
	}
	return ""
}
