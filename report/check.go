package report

import (
	"bytes"
	"fmt"
	"image/png"
	"math"
	"regexp"
	"slices"
)

// fileName is what names of tables, charts and galleries may be.
var fileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// Check returns an error that names the part of the document which cannot be
// written, and why: lengths that do not fit, a number that is none, a name that is
// no file name or that stands twice.
func (d *Document) Check() error {
	if d.Title == "" {
		return fmt.Errorf("report: title: found none")
	}
	names := map[string]bool{}
	name := func(where, kind, n string) error {
		if !fileName.MatchString(n) {
			return fmt.Errorf("report: %s: name: found %q, expected letters, digits and _ . - (it becomes the name "+
				"of a file)", where, n)
		}
		if key := kind + "\x00" + n; names[key] {
			return fmt.Errorf("report: %s: name: %q stands twice", where, n)
		} else {
			names[key] = true
		}
		return nil
	}
	for i := range d.Claims {
		c := &d.Claims[i]
		where := fmt.Sprintf("claim %d (%s)", i+1, c.ID)
		if err := name(where, "claim", c.ID); err != nil {
			return err
		}
		if verdicts[c.Verdict].class == "" {
			return fmt.Errorf("report: %s: verdict: found %q, expected %q, %q or %q", where, c.Verdict, Reproduced,
				NotReproduced, UnderPowered)
		}
		for _, cell := range []*Cell{c.Plain, c.Controlled} {
			if cell != nil {
				if err := cell.check(where); err != nil {
					return err
				}
			}
		}
	}
	for i := range d.Data {
		where := "data " + d.Data[i].Name
		if err := name(where, "table", d.Data[i].Name); err != nil {
			return err
		}
		if err := d.Data[i].check(where); err != nil {
			return err
		}
	}
	for _, s := range d.Sections {
		if s.Title == "" {
			return fmt.Errorf("report: a section without a title")
		}
		for i := range s.Tables {
			where := fmt.Sprintf("section %s: table %s", s.Title, s.Tables[i].Name)
			if err := name(where, "table", s.Tables[i].Name); err != nil {
				return err
			}
			if err := s.Tables[i].check(where); err != nil {
				return err
			}
		}
		for i := range s.Charts {
			where := fmt.Sprintf("section %s: chart %s", s.Title, s.Charts[i].Name)
			if err := name(where, "chart", s.Charts[i].Name); err != nil {
				return err
			}
			if err := s.Charts[i].check(where); err != nil {
				return err
			}
		}
		for _, g := range s.Galleries {
			where := fmt.Sprintf("section %s: gallery %s", s.Title, g.Name)
			if err := name(where, "gallery", g.Name); err != nil {
				return err
			}
			for _, r := range g.Rows {
				for i, t := range r.Images {
					if _, err := png.DecodeConfig(bytes.NewReader(t.PNG)); err != nil {
						return fmt.Errorf("report: %s: row %s, image %d: not a PNG file: %w", where, r.Label, i+1, err)
					}
				}
			}
		}
	}
	return nil
}

func (t *Table) check(where string) error {
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return fmt.Errorf("report: %s: row %d: found %d cells, expected %d columns", where, i+1, len(row),
				len(t.Columns))
		}
		for k := range row {
			if err := row[k].check(fmt.Sprintf("%s: row %d, column %s", where, i+1, t.Columns[k].Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Cell) check(where string) error {
	for _, v := range []*float64{c.Value, c.Lo, c.Hi} {
		if v != nil && !finite(*v) {
			return fmt.Errorf("report: %s: found %g, expected a number or nothing", where, *v)
		}
	}
	if (c.Lo == nil) != (c.Hi == nil) {
		return fmt.Errorf("report: %s: an interval with one end", where)
	}
	return nil
}

func (c *Chart) check(where string) error {
	if !slices.Contains([]ChartKind{Line, Bar, Scatter}, c.Kind) {
		return fmt.Errorf("report: %s: kind: found %q, expected %q, %q or %q", where, c.Kind, Line, Bar, Scatter)
	}
	if len(c.Series) == 0 {
		return fmt.Errorf("report: %s: found no series", where)
	}
	if c.Kind == Bar && c.Categories == nil {
		return fmt.Errorf("report: %s: bars without categories", where)
	}
	for _, r := range c.Reference {
		if !finite(r.Y) {
			return fmt.Errorf("report: %s: reference %s: found %g, expected a number", where, r.Name, r.Y)
		}
	}
	for i := range c.Series {
		s := &c.Series[i]
		at := fmt.Sprintf("%s: series %s", where, s.Name)
		if s.Look != "" && lookNumber[s.Look] == 0 {
			return fmt.Errorf("report: %s: look: found %q", at, s.Look)
		}
		n := len(s.X)
		if c.Categories != nil {
			n = len(c.Categories)
		}
		if c.Categories != nil && s.X != nil {
			return fmt.Errorf("report: %s: X beside categories", at)
		}
		if len(s.Y) != n {
			return fmt.Errorf("report: %s: found %d values of Y, expected %d", at, len(s.Y), n)
		}
		for name, k := range map[string]int{"Lo": len(s.Lo), "Hi": len(s.Hi), "Labels": len(s.Labels)} {
			if k != 0 && k != n {
				return fmt.Errorf("report: %s: found %d values of %s, expected %d or none", at, k, name, n)
			}
		}
		if len(s.Lo) != len(s.Hi) {
			return fmt.Errorf("report: %s: intervals with one end", at)
		}
		if slices.ContainsFunc(s.X, func(v float64) bool { return !finite(v) }) {
			return fmt.Errorf("report: %s: X: expected numbers", at)
		}
		for _, vs := range [][]*float64{s.Y, s.Lo, s.Hi} {
			if slices.ContainsFunc(vs, func(v *float64) bool { return v != nil && !finite(*v) }) {
				return fmt.Errorf("report: %s: found NaN or infinity, expected numbers or nothing", at)
			}
		}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
