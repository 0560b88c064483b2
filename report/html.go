package report

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"image/png"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/locimem/locimem/internal/atomicfile"
)

//go:embed assets/report.html.tmpl assets/report.css assets/theme.js
//go:embed assets/page.js assets/charts.js assets/chart.umd.min.js
var assets embed.FS

var pageTemplate = template.Must(template.ParseFS(assets, "assets/report.html.tmpl"))

// asset returns an embedded file. There is no file without, so it cannot fail.
func asset(name string) string {
	b, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// WriteHTML writes the document as one HTML file that needs no network and, for
// all but what can be clicked, no JavaScript. The file appears whole or not at all;
// equal documents give equal files.
func WriteHTML(path string, d Document) error {
	p, err := newPage(&d)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		if err := pageTemplate.Execute(w, p); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
		return nil
	})
}

// page is the document as the template takes it. Only files of this package and
// drawings of package figure are trusted; everything else is escaped.
type page struct {
	Title      string
	Lead       []string
	Key        []Fact
	Claims     []pageClaim
	Verdicts   []pageVerdict
	Sections   []pageSection
	Provenance []pageFact
	ChartData  []Chart

	CSS                    template.CSS
	Theme, Library, Script template.JS
}

type pageClaim struct {
	*Claim
	Class, Sign               string
	PlainText, ControlledText string
}

type pageVerdict struct {
	Verdict     Verdict
	Class, Sign string
	Count       int
}

type pageSection struct {
	ID, Title string
	Text      []string
	Charts    []pageChart
	Tables    []pageTable
	Galleries []pageGallery
}

type pageChart struct {
	*Chart
	Index  int // in ChartData
	Spoken string
	// SVG or, where it would be larger than a picture, PNG is what is printed, and
	// shown without JavaScript.
	SVG     template.HTML
	PNG     template.URL
	Numbers pageTable
}

type pageTable struct {
	Name, Title, Note string
	Columns           []pageColumn
	Body              [][]pageCell
	Helps             []Fact
}

type pageColumn struct {
	Name, Help string
	Numeric    bool
}

type pageCell struct {
	Text, Interval, Sort, Class string
	Head                        bool
}

type pageGallery struct {
	Name, Title, Note string
	Rows              []pageRow
}

type pageRow struct {
	Label  string
	Images []pageImage
}

type pageImage struct {
	Src     template.URL
	W, H    int
	Caption string
}

type pageFact struct {
	Fact
	Long  bool
	Lines int
}

func newPage(d *Document) (*page, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	// Without its source map: a debugger would ask for it.
	library, _, _ := strings.Cut(asset("chart.umd.min.js"), "//# sourceMappingURL")
	p := &page{Title: d.Title, Lead: d.Lead, Key: d.Key, CSS: template.CSS(asset("report.css")),
		Theme: template.JS(asset("theme.js")), Library: template.JS(library),
		Script: template.JS(asset("page.js") + asset("charts.js"))}
	for _, v := range []Verdict{Reproduced, NotReproduced, UnderPowered} {
		n := 0
		for i := range d.Claims {
			if d.Claims[i].Verdict == v {
				n++
			}
		}
		if n > 0 {
			p.Verdicts = append(p.Verdicts, pageVerdict{v, verdicts[v].class, verdicts[v].sign, n})
		}
	}
	for i := range d.Claims {
		c := &d.Claims[i]
		p.Claims = append(p.Claims, pageClaim{c, verdicts[c.Verdict].class, verdicts[c.Verdict].sign, spelled(c.Plain),
			spelled(c.Controlled)})
	}
	ids := map[string]bool{"main": true, "claims": true, "provenance": true, "theme": true, "zoom": true,
		"chart-data": true}
	for i := range d.Sections {
		s := &d.Sections[i]
		section := pageSection{ID: identifier(s.Title, ids), Title: s.Title, Text: s.Text}
		for k := range s.Charts {
			c, err := newPageChart(&s.Charts[k], len(p.ChartData))
			if err != nil {
				return nil, err
			}
			section.Charts = append(section.Charts, c)
			p.ChartData = append(p.ChartData, s.Charts[k].forScreen())
		}
		for k := range s.Tables {
			section.Tables = append(section.Tables, newPageTable(&s.Tables[k]))
		}
		for _, g := range s.Galleries {
			gallery, err := newPageGallery(g)
			if err != nil {
				return nil, err
			}
			section.Galleries = append(section.Galleries, gallery)
		}
		p.Sections = append(p.Sections, section)
	}
	for _, f := range d.Provenance {
		n := strings.Count(strings.TrimSpace(f.Value), "\n") + 1
		p.Provenance = append(p.Provenance, pageFact{f, n > 1, n})
	}
	return p, nil
}

// spelled returns a number of a claim with its interval, all with the decimals that
// give the largest of them three digits.
func spelled(c *Cell) string {
	if c == nil {
		return ""
	}
	largest := 0.
	for _, v := range []*float64{c.Value, c.Lo, c.Hi} {
		if v != nil {
			largest = max(largest, math.Abs(*v))
		}
	}
	digits := 0
	if largest > 0 {
		digits = min(max(0, 2-int(math.Floor(math.Log10(largest)))), 8)
	}
	value, interval := c.text(func(v float64) string { return number(v, digits) })
	return strings.TrimSpace(value + " " + interval)
}

// identifier makes an id of a title that is not taken yet.
func identifier(title string, taken map[string]bool) string {
	id := strings.Join(strings.FieldsFunc(strings.ToLower(title), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) || r >= utf8.RuneSelf
	}), "-")
	for base, n := "s-"+id, 1; ; n++ {
		id = base
		if n > 1 {
			id = base + "-" + strconv.Itoa(n)
		}
		if !taken[id] && !taken[id+"-h"] {
			taken[id], taken[id+"-h"] = true, true
			return id
		}
	}
}

// Limits of what a chart brings along for those who do not see its canvas.
const (
	maxSVG     = 120 << 10 // bytes; a larger drawing becomes a PNG
	maxNumbers = 400       // values in the table below a chart
)

func newPageChart(c *Chart, index int) (pageChart, error) {
	out := pageChart{Chart: c, Index: index, Spoken: c.spoken(), Numbers: c.numbers()}
	drawing := c.figure().Page("", "")
	svg, err := drawing.SVG()
	if err != nil {
		return out, fmt.Errorf("drawing chart %s: %w", c.Name, err)
	}
	if len(svg) <= maxSVG {
		out.SVG = inline(svg)
		return out, nil
	}
	var b bytes.Buffer
	if err := drawing.PNG(&b); err != nil {
		return out, fmt.Errorf("drawing chart %s: %w", c.Name, err)
	}
	out.PNG = dataURI(b.Bytes())
	return out, nil
}

// inline returns an SVG file as a part of HTML: without its XML header, as wide as
// there is room, silent to screen readers, which are given the numbers.
func inline(svg []byte) template.HTML {
	s := string(svg)
	s = s[strings.Index(s, "<svg"):]
	head, rest, _ := strings.Cut(s, ">")
	_, box, _ := strings.Cut(head, "viewBox=")
	box, _, _ = strings.Cut(strings.TrimLeft(box, `"`), `"`)
	return template.HTML(`<svg viewBox="` + template.HTMLEscapeString(box) + `" aria-hidden="true">` + rest)
}

func dataURI(png []byte) template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))
}

func newPageTable(t *Table) pageTable {
	out := pageTable{Name: t.Name, Title: t.Title, Note: t.Note}
	for k, c := range t.Columns {
		out.Columns = append(out.Columns, pageColumn{c.Name, c.Help, t.numeric(k)})
		if c.Help != "" {
			out.Helps = append(out.Helps, Fact{c.Name, c.Help})
		}
	}
	for _, row := range t.Rows {
		cells := make([]pageCell, len(row))
		for k := range row {
			c := &cells[k]
			c.Text, c.Interval = row[k].text(t.Columns[k].format)
			c.Head = k == 0
			if row[k].Value != nil {
				c.Sort = exact(row[k].Value)
			}
			switch {
			case out.Columns[k].Numeric:
				c.Class = "num"
			case utf8.RuneCountInString(c.Text) > 40:
				c.Class = "words"
			}
		}
		out.Body = append(out.Body, cells)
	}
	return out
}

// numbers returns the values of the chart as a table, empty if they are too many.
func (c *Chart) numbers() pageTable {
	t := Table{Name: c.Name, Title: c.Title}
	total := 0
	for _, s := range c.Series {
		total += len(s.Y)
	}
	if total > maxNumbers {
		return pageTable{}
	}
	cell := func(s *Series, i int) Cell {
		if s.Y[i] == nil {
			return Cell{}
		}
		out := Cell{Value: s.Y[i]}
		if s.Lo != nil && s.Lo[i] != nil && s.Hi[i] != nil {
			out.Lo, out.Hi = s.Lo[i], s.Hi[i]
		}
		return out
	}
	if c.Categories != nil {
		t.Columns = []Column{{Name: c.X}}
		for _, s := range c.Series {
			t.Columns = append(t.Columns, Column{Name: s.Name})
		}
		for i, name := range c.Categories {
			row := []Cell{Text(name)}
			for k := range c.Series {
				row = append(row, cell(&c.Series[k], i))
			}
			t.Rows = append(t.Rows, row)
		}
	} else {
		t.Columns = []Column{{Name: "series"}, {Name: c.X}, {Name: c.Y}}
		for k := range c.Series {
			s := &c.Series[k]
			for i, x := range s.X {
				name := s.Name
				if s.Labels != nil {
					name += ", " + s.Labels[i]
				}
				t.Rows = append(t.Rows, []Cell{Text(name), Num(x), cell(s, i)})
			}
		}
	}
	out := newPageTable(&t)
	for i, row := range out.Body { // four digits, however large or small
		for k := range row {
			row[k].Text, row[k].Interval = t.Rows[i][k].text(significant)
		}
	}
	return out
}

func newPageGallery(g Gallery) (pageGallery, error) {
	out := pageGallery{Name: g.Name, Title: g.Title, Note: g.Note}
	for _, r := range g.Rows {
		row := pageRow{Label: r.Label}
		for _, t := range r.Images {
			conf, err := png.DecodeConfig(bytes.NewReader(t.PNG))
			if err != nil {
				return out, fmt.Errorf("gallery %s: %w", g.Name, err)
			}
			row.Images = append(row.Images, pageImage{dataURI(t.PNG), conf.Width, conf.Height, t.Caption})
		}
		out.Rows = append(out.Rows, row)
	}
	return out, nil
}
