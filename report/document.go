// Package report holds what a run or a study has to say, as plain data, and writes
// it down: as one self-contained HTML file, as figures in the style of a paper and
// as LaTeX tables.
package report

// Document is one report. It is plain data: encoding/json round-trips it.
type Document struct {
	Title string `json:"title"`
	// Lead holds paragraphs: what was done and what was found.
	Lead []string `json:"lead"`
	// Key are the few values that a reader should see first.
	Key      []Fact    `json:"key,omitempty"`
	Claims   []Claim   `json:"claims,omitempty"`
	Sections []Section `json:"sections,omitempty"`
	// Data holds long tables that are written as CSV and not shown.
	Data []Table `json:"data,omitempty"`
	// Provenance is everything that the numbers depend on: recipe, seeds, hashes,
	// versions, machine, commands.
	Provenance []Fact `json:"provenance,omitempty"`
}

// Fact is a name with its value.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Section is a part of a document under its own heading.
type Section struct {
	Title     string    `json:"title"`
	Text      []string  `json:"text,omitempty"` // paragraphs
	Tables    []Table   `json:"tables,omitempty"`
	Charts    []Chart   `json:"charts,omitempty"`
	Galleries []Gallery `json:"galleries,omitempty"`
}

// Table is a table of text and numbers.
type Table struct {
	Name    string   `json:"name"` // a file name without ending, such as "depth"
	Title   string   `json:"title"`
	Columns []Column `json:"columns"`
	Rows    [][]Cell `json:"rows"`
	Note    string   `json:"note,omitempty"` // what a reader must know: units, what an interval covers
}

// Column is the head of a column.
type Column struct {
	Name string `json:"name"`
	Help string `json:"help,omitempty"` // one sentence: what the numbers are
	// Digits is the number of decimals of its numbers.
	Digits int `json:"digits,omitempty"`
}

// Cell is one entry: text, or a number with or without an interval, or nothing.
type Cell struct {
	Text  string   `json:"text,omitempty"`  // instead of a number
	Value *float64 `json:"value,omitempty"` // number, nil without one
	// Lo and Hi are the ends of the value's interval, nil without one.
	Lo *float64 `json:"lo,omitempty"`
	Hi *float64 `json:"hi,omitempty"`
}

// ChartKind says how a chart draws its series.
type ChartKind string

// The kinds of charts.
const (
	Line    ChartKind = "line"    // Y over X, the interval as a band
	Bar     ChartKind = "bar"     // Y by category, the interval as a whisker
	Scatter ChartKind = "scatter" // points
)

// Chart is a drawing of numbers.
type Chart struct {
	Name  string    `json:"name"` // a file name without ending
	Title string    `json:"title"`
	Kind  ChartKind `json:"kind"`
	X     string    `json:"x"` // label of the axis with its unit
	Y     string    `json:"y"`
	// Categories are the names along X, such as those of taps; series then have
	// one Y for each. Without them series have X of their own.
	Categories []string `json:"categories,omitempty"`
	Series     []Series `json:"series"`
	// Reference lines across the chart, such as a chance level.
	Reference []Reference `json:"reference,omitempty"`
	// Diagonal asks for the line y = x.
	Diagonal bool   `json:"diagonal,omitempty"`
	Note     string `json:"note,omitempty"`
}

// Series is one line, one group of bars or one cloud of points. A value that is
// not there is nil.
type Series struct {
	Name string `json:"name"`
	// Look chooses colour and marks: one of the Look constants; "": by the name
	// where it is that of a set, such as "candidates", or else by place.
	Look string     `json:"look,omitempty"`
	X    []float64  `json:"x,omitempty"`
	Y    []*float64 `json:"y"`
	Lo   []*float64 `json:"lo,omitempty"`
	Hi   []*float64 `json:"hi,omitempty"`
	// Labels name the points, for those who point at one.
	Labels []string `json:"labels,omitempty"`
}

// The looks of the sets, the same in all charts.
const (
	LookCandidate   = "candidate"
	LookShared      = "shared"
	LookIndependent = "independent"
	LookExternal    = "external"
	LookControlled  = "controlled"
)

// Reference is a line across a chart, with or without a name.
type Reference struct {
	Name string  `json:"name"`
	Y    float64 `json:"y"`
}

// Gallery shows images in rows, such as the most memorized ones of each layer.
type Gallery struct {
	Name  string       `json:"name"`
	Title string       `json:"title"`
	Rows  []GalleryRow `json:"rows"`
	Note  string       `json:"note,omitempty"`
}

// GalleryRow is one row of a gallery.
type GalleryRow struct {
	Label  string  `json:"label"`
	Images []Thumb `json:"images"`
}

// Thumb is one small image.
type Thumb struct {
	PNG     []byte `json:"png"` // the image as it is in the data set, not enlarged
	Caption string `json:"caption"`
}

// Verdict is what a claim comes to.
type Verdict string

// The verdicts. They are computed by the claim's rule, never typed.
const (
	Reproduced    Verdict = "reproduced"
	NotReproduced Verdict = "not reproduced"
	UnderPowered  Verdict = "under-powered"
)

// Claim is one statement of the paper, or of this project, beside what was found.
type Claim struct {
	ID        string `json:"id"`        // such as "depth.rises", the same in every scale
	Source    string `json:"source"`    // table or figure of the paper, such as "T1, T18"
	Statement string `json:"statement"` // in one sentence
	// Rule says, before anything is measured, which outcome is which verdict.
	Rule  string `json:"rule"`
	Paper string `json:"paper,omitempty"` // the paper's numbers
	// Plain is the number as the paper takes it, Controlled the one in which the
	// pair's bias cancels; either may be nil. Both carry their intervals.
	Plain      *Cell `json:"plain,omitempty"`
	Controlled *Cell `json:"controlled,omitempty"`
	// P is the two-sided p value of the number that is judged being 0, not corrected
	// for the number of claims; nil without a test.
	P       *float64 `json:"p,omitempty"`
	Verdict Verdict  `json:"verdict"` // what the rule says of the numbers
	Why     string   `json:"why"`     // the rule with the numbers put in
	Command string   `json:"command"` // what makes it
}

// Num is a cell with a number.
func Num(v float64) Cell { return Cell{Value: &v} }

// Text is a cell with text.
func Text(s string) Cell { return Cell{Text: s} }

// Between is a cell with a number and its interval.
func Between(v, lo, hi float64) Cell { return Cell{Value: &v, Lo: &lo, Hi: &hi} }

// Values returns pointers to the numbers, nil for those that are NaN or infinite.
func Values(vs []float64) []*float64 {
	out := make([]*float64, len(vs))
	for i, v := range vs {
		if v-v == 0 {
			out[i] = &vs[i]
		}
	}
	return out
}
