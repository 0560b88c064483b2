package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/run"
)

type unitsCmd struct {
	encoderFlags
	Weights string `required:"" placeholder:"FILE" help:"Weights of the encoder, a safetensors file."`
	nameFlags
	checkFlags
	Top      int      `default:"10" placeholder:"N" help:"Units to show, of all layers and of each (default: 10)."`
	Images   int      `default:"8" placeholder:"N" help:"${units_images}"`
	Part     string   `default:"train" enum:"train,test" help:"Images of which part: train or test (default: train)."`
	Points   int      `default:"0" placeholder:"N" help:"Number of images, the first ones (default: all)."`
	Views    int      `default:"10" placeholder:"N" help:"Augmented views of each image (default: 10)."`
	Absolute *bool    `negatable:"" help:"${units_absolute}"`
	Set      []string `short:"s" sep:"none" placeholder:"FIELD=VALUE" help:"${units_set}"`
	Out      string   `default:"units" placeholder:"DIR" help:"Folder for tables and picture (default: units)."`
	Force    bool     `help:"Replace units that are in that folder."`
	JSON     bool     `name:"json" help:"Write the report as JSON."`
}

// unitFields are the fields of a recipe that decide the units of an encoder.
var unitFields = []string{"seed", "data", "encoder", "augment", "train.threads",
	"score.views", "score.mode", "score.taps",
	"score.rest", "score.absolute", "score.augment", "score.seed", "score.batch"}

// Run ranks the units of one encoder.
func (c *unitsCmd) Run(a *app) error {
	if c.Data == "" {
		return usageError{fmt.Errorf("--data NAME is needed")}
	}
	if err := c.checkFlags.valid(a, 1); err != nil {
		return err
	}
	if c.Top < 1 || c.Images < 1 || c.Images > 100 || c.Points < 0 || c.Points == 1 || c.Views < 1 {
		return usageError{fmt.Errorf("--top %d --images %d --points %d --views %d: want at least 1, 1 to 100, 0 (all) "+
			"or at least 2, and at least 1", c.Top, c.Images, c.Points, c.Views)}
	}
	if _, err := os.Stat(filepath.Join(c.Out, "units.json")); err == nil && !c.Force {
		return usageError{fmt.Errorf("%s has units already; choose another --out, or --force", c.Out)}
	}
	q, flags, err := c.request(c.Weights)
	if err != nil {
		return err
	}
	q.Uses = unitFields
	q.Own = append(q.Own, fmt.Sprintf("score.views=%d", max(c.Views, 2)))
	if c.Views == 1 {
		q.Own = append(q.Own, "score.views=1", "score.mode=original") // one view has no pairs
	}
	if a.has("views") {
		flags = append(flags, [2]string{"views", fmt.Sprintf("score.views=%d", c.Views)})
	}
	absolute := c.Absolute != nil || assigns(c.Set, "score.absolute")
	if c.Absolute != nil {
		flags = append(flags, [2]string{"absolute", fmt.Sprintf("score.absolute=%t", *c.Absolute)})
	}
	if err := flags.over(&q, c.Set); err != nil {
		return err
	}
	r, err := loadRecipe("", q)
	if err != nil {
		return err
	}
	conf := run.UnitsConfig{Weights: c.Weights, Load: loading(c.nameFlags, c.checkFlags), AbsoluteByDefault: !absolute,
		Points: c.Points, Top: c.Top, Images: c.Images, Out: c.Out}
	if c.Part == "test" {
		conf.Part = data.Test
	}
	rep, err := run.Units(a.ctx, r, conf, reporter{a.ui})
	if err != nil {
		return err
	}
	a.ui.Close()
	if c.JSON {
		return a.writeJSON(rep)
	}
	a.units(rep, c.Out)
	return nil
}

// units writes the tables of a report.
func (a *app) units(r *run.UnitReport, out string) {
	t := newTable(2, "", "tap", "unit", "UnitMem", "owner", "mu_max", "mu_rest", "next images")
	for i, u := range r.Top {
		var next []int
		for _, p := range u.Top[1:min(len(u.Top), 5)] {
			next = append(next, p.Point)
		}
		t.AppendRow(table.Row{i + 1, u.Tap, u.Unit, fmt.Sprintf("%.4f", u.Value), u.Point, fmt.Sprintf("%.4g", u.Max),
			fmt.Sprintf("%.4g", u.Rest), fmt.Sprint(next)})
	}
	of := "UnitMem"
	if r.Absolute() {
		of = "UnitMem of |activation|"
	}
	a.printf("\nTop %d of %d units by %s, %d images of %s with %d views\n%s\n\n", len(r.Top), r.Units, of, r.Points,
		r.Data, r.Views, t.Render())
	a.printf("%s\n\n", owners(r.Owners))
	t = newTable(1, "tap", "depth", "units", "ranked", "dead", "mean", "top unit", "UnitMem", "owner",
		fmt.Sprintf("owners of the top %d", len(r.Top)))
	for _, tap := range r.Taps {
		row := table.Row{tap.Tap, tap.Depth, tap.Units, tap.Units - tap.Unbounded - tap.Dead, tap.Dead}
		if tap.Mean != nil {
			row = append(row, fmt.Sprintf("%.3f", *tap.Mean))
		}
		if len(tap.Top) > 0 {
			u := tap.Top[0]
			row = append(row, u.Unit, fmt.Sprintf("%.4f", u.Value), u.Point, fmt.Sprintf("%d of %d", tap.Owners.Distinct,
				tap.Owners.Units))
		}
		t.AppendRow(row)
	}
	a.printf("%s\n", t.Render())
	if r.Absolute() {
		a.paragraph("",
			"Ranked by |activation|: units here can be negative, as behind a GELU or a layer norm, and UnitMem of the "+
				"activations themselves has no bounds then. --no-absolute ranks those that never are.")
	}
	if r.Unbounded > 0 {
		a.paragraph("",
			fmt.Sprintf("%d units are not ranked: the mean activation of some image is negative, and UnitMem then has no "+
				"bounds; --absolute ranks them by |activation|.", r.Unbounded))
	}
	a.printf("\nTables:  %s\n", filepath.Join(out, "top_units.csv"))
	if len(r.Top) > 0 {
		a.printf("Picture: %s\n", filepath.Join(out, "top_units.png"))
	}
}

// owners says in words how concentrated the ownership of units is.
func owners(o memorize.Owners) string {
	if o.Units == 0 {
		return "No unit can be ranked."
	}
	return fmt.Sprintf("These %d units belong to %d images; image %d owns %d of them.", o.Units, o.Distinct, o.MostBy,
		o.Most)
}
