package run

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/internal/atomicfile"
	"github.com/locimem/locimem/internal/figure"
	"github.com/locimem/locimem/internal/progress"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/table"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run/page"
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
	Encoder   string `json:"encoder"`        // name of the architecture
	Weights   string `json:"weights"`        // file of the encoder
	Hash      string `json:"weights_sha256"` // of the encoder's parameters
	Data      string `json:"data"`           // name of the data set
	Points    int    `json:"points"`         // number of images
	Views     int    `json:"views"`          // augmented views of each image
	Estimator string `json:"estimator"`      // mean or median, with "-absolute" where |activation| is meant
	ISA       string `json:"isa"`            // kernels
	// Units is the number of units of the taps, Unbounded that of those which are
	// not ranked because some point's mean activation is negative.
	Units     int `json:"units"`
	Unbounded int `json:"unbounded"`
	Dead      int `json:"dead"` // units that give every point the same mean activation
	// Top are the units of the largest UnitMem of all taps, Owners the points
	// that own them.
	Top    []memorize.RankedUnit `json:"top"`
	Owners memorize.Owners       `json:"owners"`
	Taps   []TapUnits            `json:"taps"` // the same for each tap
}

// Absolute tells whether the units are ranked by |activation|.
func (r *UnitReport) Absolute() bool { return strings.HasSuffix(r.Estimator, "-absolute") }

// TapUnits is the same for one tap.
type TapUnits struct {
	Tap   string `json:"tap"`   // layer, as the encoder names it
	Depth int    `json:"depth"` // place of the tap in forward order, from 1
	// Units, Unbounded and Dead count as those of UnitReport.
	Units     int `json:"units"`
	Unbounded int `json:"unbounded"`
	Dead      int `json:"dead"`
	// Mean of UnitMem over the ranked units and the dead ones, which have 0; nil
	// without any.
	Mean *float64 `json:"mean"`
	// Top and Owners are those of UnitReport among the units of this tap.
	Top    []memorize.RankedUnit `json:"top"`
	Owners memorize.Owners       `json:"owners"`
}

// UnitRow is one unit of a single encoder.
type UnitRow struct {
	Tap       string  `col:"tap"`                       // layer, as the encoder names it
	Depth     int     `col:"depth"`                     // place of the tap in forward order, from 1
	Unit      int     `col:"unit"`                      // index of the channel or neuron, from 0
	Estimator string  `col:"estimator"`                 // mean or median, with "-absolute" where |activation| is meant
	Value     float64 `col:"value" unit:"ratio"`        // UnitMem (Eq. 8)
	Max       float64 `col:"mu_max" unit:"activation"`  // largest mean activation over the points (Eq. 6)
	Rest      float64 `col:"mu_rest" unit:"activation"` // mean (Eq. 7) or median over the other points
	Point     int     `col:"point"`                     // the point that has mu_max, -1 for a dead unit
	// no point has a negative mean activation; other units are not ranked
	Bounded bool `col:"bounded"`
}

// TopUnitRow is a point that one of the top units answers most to.
type TopUnitRow struct {
	Of    string  `col:"of"`                   // all, or the tap among whose units the unit is ranked
	Rank  int     `col:"rank"`                 // of the unit, from 1
	Tap   string  `col:"tap"`                  // layer of the unit
	Unit  int     `col:"unit"`                 // index of the channel or neuron, from 0
	Value float64 `col:"value" unit:"ratio"`   // UnitMem (Eq. 8)
	Image int     `col:"image"`                // rank of the point among those of the unit, from 1
	Point int     `col:"point"`                // index in its data set
	Mu    float64 `col:"mu" unit:"activation"` // mean activation of the unit for the point (Eq. 5)
}

// The tables of Units.
var (
	UnitTable    = table.Of[UnitRow]("units.csv", "Every unit of one encoder")
	TopUnitTable = table.Of[TopUnitRow]("top_units.csv",
		"The units of the largest UnitMem, a row for each of the points that they answer most to")
)

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
	enc, err := l.Encoder(memorize.F)
	if err != nil {
		return nil, err
	}
	if _, err := c.Load.Encoder(r, enc, l.shape(), c.Weights, 0, true, rep); err != nil {
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
	bar.Finish("%d units of %d taps on %d points with %d views in %s", report.Units, len(report.Taps), report.Points,
		o.Views, progress.Duration(time.Since(began)))
	if err := report.write(all, c.Out); err != nil {
		return nil, err
	}
	return report, report.draw(l.part(c.Part), filepath.Join(c.Out, "top_units.png"))
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

// part returns the training part of the data, or the test part.
func (l *Setup) part(p data.Part) data.Dataset {
	if p == data.Test {
		return l.Test
	}
	return l.Train
}

// unitImages opens the data and chooses the points.
func unitImages(r *recipe.Recipe, c UnitsConfig) (memorize.Images, *Setup, error) {
	l, err := open(r, nil)
	if err != nil {
		return memorize.Images{}, nil, err
	}
	d := l.part(c.Part)
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
	var units []UnitRow
	for _, u := range all {
		units = append(units, UnitRow{u.Tap, u.Depth, u.Unit, u.Estimator, u.Value, u.Max, u.Rest, u.Point, u.Bounded})
	}
	var top []TopUnitRow
	add := func(of string, ranked []memorize.RankedUnit) {
		for i, u := range ranked {
			for k, p := range u.Top {
				top = append(top, TopUnitRow{of, i + 1, u.Tap, u.Unit, u.Value, k + 1, p.Point, p.Mu})
			}
		}
	}
	add("all", r.Top)
	for _, t := range r.Taps {
		add(t.Tap, t.Top)
	}
	for _, file := range []table.File{UnitTable.With(units), TopUnitTable.With(top)} {
		if _, err := file.Save(dir); err != nil {
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
		if name := page.ClassName(d, u.Point); name != "" {
			row.Lines = append(row.Lines, name)
		}
		for _, p := range u.Top {
			row.Tiles = append(row.Tiles, figure.Tile{Pixels: d.Image(p.Point), H: h, W: w, C: c, Label: fmt.Sprintf("%d: %.3g",
				p.Point, p.Mu)})
		}
		rows = append(rows, row)
	}
	note := fmt.Sprintf("%s on %d images of %s, %d views, %s of the others\nFramed: the image that owns the unit. "+
		"Below an image: its index and mean activation.",
		filepath.Base(r.Weights), r.Points, r.Data, r.Views, r.Estimator)
	if err := figure.SaveGallery(path, fmt.Sprintf("Top %d units of %s by UnitMem", len(r.Top), r.Encoder), note,
		rows); err != nil {
		return fmt.Errorf("drawing: %w", err)
	}
	return nil
}
