package report

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/locimem/locimem/internal/figure"
)

// lookNumber is the place of a look among those of package figure.
var lookNumber = map[string]int{LookCandidate: 1, LookShared: 2, LookIndependent: 3, LookExternal: 4, LookControlled: 5}

// look returns the look of a series, "" if it is no set.
func (s *Series) look() string {
	if s.Look != "" {
		return s.Look
	}
	name := strings.TrimSuffix(strings.ToLower(s.Name), "s")
	if lookNumber[name] > 0 {
		return name
	}
	return ""
}

// figure returns the chart as package figure draws it.
func (c *Chart) figure() *figure.Chart {
	f := &figure.Chart{Kind: string(c.Kind), X: c.X, Y: c.Y, Categories: c.Categories, Diagonal: c.Diagonal}
	for i := range c.Series {
		s := &c.Series[i]
		f.Series = append(f.Series, figure.Data{Name: s.Name, X: s.X, Y: floats(s.Y), Lo: floats(s.Lo),
			Hi: floats(s.Hi), Look: lookNumber[s.look()]})
	}
	for _, r := range c.Reference {
		f.Levels = append(f.Levels, figure.Level{Name: r.Name, Y: r.Y})
	}
	return f
}

// floats returns the values, NaN for those that are not there; nil for none.
func floats(vs []*float64) []float64 {
	if vs == nil {
		return nil
	}
	out := make([]float64, len(vs))
	for i, v := range vs {
		out[i] = math.NaN()
		if v != nil {
			out[i] = *v
		}
	}
	return out
}

// charts returns all charts of the document.
func (d *Document) charts() []*Chart {
	var out []*Chart
	for i := range d.Sections {
		for k := range d.Sections[i].Charts {
			out = append(out, &d.Sections[i].Charts[k])
		}
	}
	return out
}

// WriteFigures draws each chart of the document into the folder dir, which is made
// if need be, in the style of a paper: NAME.svg, NAME.png and NAME.pdf, with bands
// or whiskers. Equal documents give equal files.
func WriteFigures(dir string, d Document) error {
	if err := d.Check(); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the folder for the figures: %w", err)
	}
	for _, c := range d.charts() {
		page := c.figure().Page("", "")
		for _, ext := range []string{".svg", ".png", ".pdf"} {
			if err := page.Save(filepath.Join(dir, c.Name+ext)); err != nil {
				return fmt.Errorf("drawing: %w", err)
			}
		}
	}
	return nil
}
