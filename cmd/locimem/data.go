package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/internal/atomicfile"
	"github.com/locimem/locimem/run"
)

type dataCmd struct {
	List  dataListCmd  `cmd:"" help:"List the kinds of data that recipes can name."`
	Check dataCheckCmd `cmd:"" help:"Read the data of a recipe and sum up what is in them."`
	Show  dataShowCmd  `cmd:"" help:"Draw images of a recipe's data onto a PNG; atypical ones get a red frame."`
}

type dataListCmd struct{}

// Run lists the kinds of data.
func (c *dataListCmd) Run(a *app) error {
	t := newTable(2, "data.name", "what it is")
	t.AppendRow(table.Row{"synthetic", "textured shapes made in code, 2 classes or more, any number; needs no files"})
	for _, s := range data.Sources() {
		about := s.About
		if len(s.Variants) > 0 {
			about += "\ndata.variant: " + strings.Join(s.Variants[:min(3, len(s.Variants))], ", ")
			if n := len(s.Variants); n > 3 {
				about += ", " + s.Variants[3] + " to " + s.Variants[n-1]
			}
		}
		t.AppendRow(table.Row{s.Name, about})
	}
	a.printf("%s\n", t.Render())
	a.paragraph("", "All but synthetic are read from files: --set data.dir=DIR names their folder.")
	return nil
}

type dataCheckCmd struct {
	recipeFlags
	JSON bool `name:"json" help:"Write the summary as JSON."`
}

// Run sums up the data of a recipe.
func (c *dataCheckCmd) Run(a *app) error {
	r, err := c.load()
	if err != nil {
		return err
	}
	train, test, err := run.OpenData(r)
	if err != nil {
		return err
	}
	parts := []data.Summary{data.Check(train), data.Check(test)}
	if c.JSON {
		return a.writeJSON(parts)
	}
	for _, s := range parts {
		a.printf("%s: %d images of %dx%dx%d, %d atypical, %d duplicates\n", s.Name, s.Images, s.Shape[0], s.Shape[1], s.Shape[2], s.Atypical, len(s.Duplicates))
		a.printf("  mean %s, std %s of each channel\n", decimals(s.Mean), decimals(s.Std))
		var classes []string
		for _, k := range s.Classes {
			classes = append(classes, fmt.Sprintf("%s %d", k.Name, k.Images))
		}
		a.paragraph("  ", "classes: "+strings.Join(classes, ", "))
		for i, d := range s.Duplicates {
			if i == 5 {
				a.printf("  and %d more duplicates\n", len(s.Duplicates)-i)
				break
			}
			a.printf("  image %d equals image %d\n", d[0], d[1])
		}
	}
	return nil
}

func decimals(v []float64) string {
	out := make([]string, len(v))
	for i, x := range v {
		out[i] = fmt.Sprintf("%.4f", x)
	}
	return strings.Join(out, " ")
}

type dataShowCmd struct {
	recipeFlags
	Out   string `default:"data.png" placeholder:"FILE" help:"PNG file to write (default: data.png)."`
	Part  string `default:"train" enum:"train,test" help:"Which part: train or test (default: train)."`
	First int    `default:"0" placeholder:"N" help:"First image (default: 0)."`
	Count int    `default:"100" placeholder:"N" help:"Number of images (default: 100)."`
}

// Run draws images; atypical ones have a red frame.
func (c *dataShowCmd) Run(a *app) error {
	r, err := c.load()
	if err != nil {
		return err
	}
	d, test, err := run.OpenData(r)
	if err != nil {
		return err
	}
	if c.Part == "test" {
		d = test
	}
	if c.First < 0 || c.Count < 1 || c.Count > 10000 || c.First+c.Count > d.Len() {
		return usageError{fmt.Errorf("--first %d --count %d: want 1 to 10000 of the %d images of %s", c.First, c.Count, d.Len(), d.Name())}
	}
	indices := make([]int, c.Count)
	for i := range indices {
		indices[i] = c.First + i
	}
	if err := atomicfile.Write(c.Out, func(w io.Writer) error { return data.ContactSheet(w, d, indices, 10) }); err != nil {
		return err
	}
	a.printf("%s: images %d to %d of %s\n", c.Out, c.First, c.First+c.Count-1, d.Name())
	return nil
}
