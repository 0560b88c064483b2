package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/recipe"
)

type tapsCmd struct {
	Source string   `arg:"" optional:"" name:"recipe" help:"${taps_source}"`
	Set    []string `short:"s" sep:"none" placeholder:"FIELD=VALUE" help:"${taps_set}"`
	Size   int      `placeholder:"N" help:"Height and width of the images (default: those of the recipe)."`
	Group  string   `placeholder:"T17" help:"Only the rows of that table of the paper: T1, T10, T15, T16, T17 or T18."`
	JSON   bool     `name:"json" help:"Write the list as JSON."`
}

// tapRow is one tap in the list.
type tapRow struct {
	Row    string `json:"row,omitempty"` // of the paper's table
	Tap    string `json:"tap"`           // "" if the encoder does not have it
	Kind   string `json:"kind"`
	Depth  int    `json:"depth"`
	Shape  []int  `json:"shape"`
	Units  int    `json:"units"`
	Params int    `json:"params"`
}

// Run lists the taps of the recipe's encoder, or of an encoder in its full width.
func (c *tapsCmd) Run(a *app) error {
	r, err := c.load()
	if err != nil {
		return err
	}
	h, w, ch := r.ImageShape()
	if c.Size != 0 {
		h, w = c.Size, c.Size
	}
	enc, err := nn.NewEncoder(r.Encoder.Name, r.Encoder.Options(h, w, ch), 0)
	if err != nil {
		return usageError{err}
	}
	var rows []tapRow
	for _, t := range enc.Taps() {
		rows = append(rows, tapRow{Tap: t.Name, Kind: t.Kind, Depth: t.Depth, Shape: t.Shape,
			Units: t.Shape[len(t.Shape)-1], Params: t.Params})
	}
	if c.Group != "" {
		if rows, err = grouped(rows, c.Group, r.Encoder.Name); err != nil {
			return usageError{err}
		}
	}
	if c.JSON {
		return a.writeJSON(rows)
	}
	a.printf("%s\n", renderTaps(rows, c.Group != ""))
	return nil
}

// tapFields are the fields of a recipe that decide its taps.
var tapFields = []string{"data", "encoder"}

// load returns the recipe; for the name of an encoder, one with that encoder.
func (c *tapsCmd) load() (*recipe.Recipe, error) {
	if !slices.Contains(nn.EncoderNames(), c.Source) {
		r, err := loadRecipe(c.Source, recipe.Request{Sets: c.Set, Uses: tapFields})
		if errors.Is(err, fs.ErrNotExist) {
			err = usageError{fmt.Errorf("%s: found no recipe file and no encoder of that name, expected a file or %s",
				c.Source, strings.Join(nn.EncoderNames(), ", "))}
		}
		return r, err
	}
	sets := []string{"encoder.name=" + c.Source, "encoder.width=1", "encoder.pool=auto", "encoder.stem=auto",
		"encoder.norm=auto", "encoder.positions=auto", "encoder.drop_path=0"}
	return loadRecipe("", recipe.Request{Own: sets, Sets: c.Set, Uses: tapFields})
}

// grouped returns the rows of a table of the paper. Taps that the encoder lacks
// have nothing but their label.
func grouped(taps []tapRow, name, encoder string) ([]tapRow, error) {
	g, err := nn.FindTapGroup(name)
	if err != nil {
		return nil, err
	}
	if g.Encoder != encoder {
		return nil, fmt.Errorf("group %s: is of %s, found the encoder %s", g.Name, g.Encoder, encoder)
	}
	var out []tapRow
	for _, r := range g.Rows {
		row := tapRow{Row: r.Label}
		if i := slices.IndexFunc(taps, func(t tapRow) bool { return t.Tap == r.Tap }); i >= 0 {
			row = taps[i]
			row.Row = r.Label
		}
		out = append(out, row)
	}
	return out, nil
}

func renderTaps(rows []tapRow, labels bool) string {
	head := []string{"tap", "kind", "depth", "shape", "units", "parameters"}
	text := 2
	if labels {
		head, text = append([]string{"row"}, head...), 3
	}
	t := newTable(text, head...)
	for _, r := range rows {
		line := table.Row{r.Tap, r.Kind, r.Depth, strings.Trim(strings.ReplaceAll(fmt.Sprint(r.Shape), " ", "x"), "[]"),
			r.Units, r.Params}
		if r.Tap == "" {
			line = table.Row{"(none)", "", "", "", "", ""}
		}
		if labels {
			line = append(table.Row{r.Row}, line...)
		}
		t.AppendRow(line)
	}
	return t.Render()
}
