package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

	"github.com/locimem/locimem/internal/progress"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/run/page"
)

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// reporter shows the progress of a study.
type reporter struct{ *progress.UI }

// Bar implements run.Reporter.
func (r reporter) Bar(name, unit string, total, done int) run.Bar {
	return r.UI.Bar(name, unit, total, done)
}

// writeJSON writes v for programs to read.
func (a *app) writeJSON(v any) error {
	e := json.NewEncoder(a.stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.stdout, format, args...) }

// paragraph writes text in lines of at most 96 characters, each after indent.
func (a *app) paragraph(indent, s string) {
	line := indent
	for word := range strings.FieldsSeq(s) {
		if len(line)+1+len(word) > 96 && line != indent {
			a.printf("%s\n", line)
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	a.printf("%s\n", line)
}

// newTable returns a table with that header, right-aligned but for the first
// left columns.
func newTable(left int, header ...string) table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options.DrawBorder = false
	style.Options.SeparateColumns = false
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	row := make(table.Row, len(header))
	configs := make([]table.ColumnConfig, len(header))
	for i, h := range header {
		row[i] = h
		configs[i] = table.ColumnConfig{Number: i + 1}
		if i >= left {
			configs[i].Align, configs[i].AlignHeader = text.AlignRight, text.AlignRight
		}
	}
	t.AppendHeader(row)
	t.SetColumnConfigs(configs)
	return t
}

// summary writes the table of a run: a row for each tap.
func (a *app) summary(s *page.Summary) {
	short := map[string]string{memorize.Candidate: "C", memorize.Shared: "S", memorize.Independent: "I", memorize.External: "E"}
	header := []string{"tap", "depth"}
	for _, set := range s.Sets {
		header = append(header, short[set])
	}
	header = append(header, "(C-I)/2", fmt.Sprintf("%g %% interval", 100*s.Level), "", "delta C", "UnitMem", "ClassMem")
	t := newTable(1, header...)
	for _, tap := range s.Taps {
		row := table.Row{tap.Tap, tap.Depth}
		for _, set := range s.Sets {
			row = append(row, fmt.Sprintf("%.4f", tap.LayerMem[set].Mean))
		}
		mean, interval, mark := "", "", ""
		if c := tap.Controlled; c != nil {
			mean, interval = fmt.Sprintf("%.4f", c.Mean), "-"
			if !math.IsNaN(c.Lo) {
				interval = fmt.Sprintf("%.4f to %.4f", c.Lo, c.Hi)
			}
			if c.Lo > 0 {
				mark = "*"
			}
		}
		delta, unit, class := "", "", ""
		if tap.Delta != nil {
			delta = fmt.Sprintf("%+.4f", tap.Delta.Mean)
		}
		if tap.UnitMem != nil {
			unit = fmt.Sprintf("%.3f", *tap.UnitMem)
		}
		if tap.ClassMem != nil {
			class = fmt.Sprintf("%.3f", *tap.ClassMem)
		}
		t.AppendRow(append(row, mean, interval, mark, delta, unit, class))
	}
	a.printf("\nLayerMem (estimator %s, distance %s) of candidates C, shared S, independents I, external E\n%s\n",
		s.Estimator, s.Distance, strings.TrimRight(t.Render(), "\n"))
	a.printf("* interval above 0. UnitMem: mean over the units of f on C, ClassMem: on its training images, where activations are not negative.\n\n")
}
