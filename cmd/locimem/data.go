package main

import (
	"errors"
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
	r, err := c.load("data")
	if err != nil {
		return err
	}
	train, test, err := run.OpenData(r)
	if err != nil {
		return err
	}
	parts := data.CheckParts(train, test)
	if c.JSON {
		return a.writeJSON(parts)
	}
	for k, d := range []data.Dataset{train, test} {
		s := parts[k]
		a.printf("%s: %d images of %dx%dx%d, %d atypical, %d duplicates\n", s.Name, s.Images, s.Shape[0], s.Shape[1],
			s.Shape[2], s.Atypical, len(s.Duplicates))
		a.printf("  mean %s, std %s of each channel\n", decimals(s.Mean), decimals(s.Std))
		var classes []string
		for _, k := range s.Classes {
			classes = append(classes, fmt.Sprintf("%s %d", k.Name, k.Images))
		}
		a.paragraph("  ", "classes: "+strings.Join(classes, ", "))
		if k == 0 {
			for _, n := range s.Notes {
				a.paragraph("  ", n)
			}
		}
		if n := data.SkippedNote(s.Skipped); n != "" {
			a.paragraph("  ", n)
			a.printf("  the first, %s: %s\n", s.Skipped[0].File, s.Skipped[0].Reason)
		}
		a.printEqual(s.Duplicates, d, d, "duplicates")
		if len(s.Across) > 0 {
			a.printf("  with the same pixels as an image of %s: %d\n", parts[0].Name, len(s.Across))
			a.printEqual(s.Across, d, train, "such images")
		}
	}
	return nil
}

// printEqual lists equal images: those of d, and each time one of other.
func (a *app) printEqual(pairs [][2]int, d, other data.Dataset, what string) {
	name := func(d data.Dataset, i int) string {
		if f := data.FileOf(d, i); f != "" {
			return fmt.Sprintf("image %d (%s)", i, f)
		}
		return fmt.Sprintf("image %d", i)
	}
	for i, p := range pairs {
		if i == 5 {
			a.printf("  and %d more %s\n", len(pairs)-i, what)
			break
		}
		in := ""
		if d != other {
			in = " of " + other.Name()
		}
		a.printf("  %s equals %s%s\n", name(d, p[0]), name(other, p[1]), in)
	}
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
	Count *int   `placeholder:"N" help:"Number of images (default: 100, or as many as there are)."`
	Index []int  `placeholder:"N,N" help:"These images instead; their files and classes are printed."`
}

// Run draws images; atypical ones have a red frame.
func (c *dataShowCmd) Run(a *app) error {
	r, err := c.load("data")
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
	indices, err := c.indices(d)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(c.Out, func(w io.Writer) error {
		return data.ContactSheet(w, d, indices,
			10)
	}); err != nil {
		return err
	}
	if len(c.Index) == 0 {
		a.printf("%s: images %d to %d of %s\n", c.Out, indices[0], indices[len(indices)-1], d.Name())
		return nil
	}
	for _, i := range indices {
		a.printf("image %d: %s, class %s\n", i, data.Describe(d, i), d.Classes()[d.Label(i)])
	}
	a.printf("%s: these images of %s\n", c.Out, d.Name())
	return nil
}

// indices returns the images to draw.
func (c *dataShowCmd) indices(d data.Dataset) ([]int, error) {
	for _, i := range c.Index {
		if i < 0 || i >= d.Len() {
			return nil, usageError{fmt.Errorf("--index %d: want 0 to %d, %s has %d images", i, d.Len()-1, d.Name(), d.Len())}
		}
	}
	if len(c.Index) > 0 {
		if c.First != 0 || c.Count != nil {
			return nil, usageError{errors.New("--index: want it alone, found --first or --count next to it")}
		}
		return c.Index, nil
	}
	if c.First < 0 || c.First >= d.Len() {
		return nil, usageError{fmt.Errorf("--first %d: want 0 to %d, %s has %d images", c.First, d.Len()-1, d.Name(),
			d.Len())}
	}
	n := min(100, d.Len()-c.First)
	if c.Count != nil {
		n = *c.Count
	}
	if n < 1 || n > 10000 || n > d.Len()-c.First {
		return nil, usageError{fmt.Errorf("--first %d --count %d: want 1 to 10000 of the %d images of %s", c.First, n,
			d.Len(), d.Name())}
	}
	out := make([]int, n)
	for i := range out {
		out[i] = c.First + i
	}
	return out, nil
}
