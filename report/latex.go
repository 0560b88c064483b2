package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/locimem/locimem/internal/atomicfile"
)

// WriteLaTeX writes each table of the document into the folder dir, which is made
// if need be: NAME.tex, a table for the package booktabs, and NAME.csv, with all
// digits and intervals in columns of their own.
func WriteLaTeX(dir string, d Document) error {
	if err := d.Check(); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the folder for the tables: %w", err)
	}
	for _, s := range d.Sections {
		for i := range s.Tables {
			t := &s.Tables[i]
			for ext, write := range map[string]func(io.Writer) error{".tex": t.latex, ".csv": t.csv} {
				if err := atomicfile.Write(filepath.Join(dir, t.Name+ext), write); err != nil {
					return fmt.Errorf("writing a table: %w", err)
				}
			}
		}
	}
	for i := range d.Data {
		if err := atomicfile.Write(filepath.Join(dir, d.Data[i].Name+".csv"), d.Data[i].csv); err != nil {
			return fmt.Errorf("writing data: %w", err)
		}
	}
	return nil
}

// latex writes the table for booktabs.
func (t *Table) latex(w io.Writer) error {
	var b strings.Builder
	kinds := make([]byte, len(t.Columns))
	heads := make([]string, len(t.Columns))
	for k, c := range t.Columns {
		if kinds[k], heads[k] = 'l', escapeTeX(c.Name); t.numeric(k) {
			kinds[k] = 'r'
		}
	}
	fmt.Fprintf(&b, "%% Needs \\usepackage{booktabs}.\n\\begin{table}\n  \\centering\n  \\caption{%s}\n"+
		"  \\label{tab:%s}\n", escapeTeX(t.Title), t.Name)
	fmt.Fprintf(&b, "  \\begin{tabular}{%s}\n    \\toprule\n    %s \\\\\n    \\midrule\n", kinds,
		strings.Join(heads, " & "))
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for k := range row {
			value, interval := row[k].text(t.Columns[k].format)
			if cells[k] = escapeTeX(value); row[k].Value != nil {
				cells[k] = strings.Replace(cells[k], "-", "$-$", 1)
			}
			if interval != "" {
				// Braces, since [ after \\ or & may be taken for an argument.
				cells[k] += " {\\footnotesize [" + strings.ReplaceAll(strings.Trim(interval, "[]"), "-", "$-$") + "]}"
			}
			if k == 0 && strings.HasPrefix(cells[k], "[") {
				cells[k] = "{}" + cells[k]
			}
		}
		fmt.Fprintf(&b, "    %s \\\\\n", strings.Join(cells, " & "))
	}
	b.WriteString("    \\bottomrule\n  \\end{tabular}\n")
	if t.Note != "" {
		fmt.Fprintf(&b, "  \\par\\smallskip\\footnotesize %s\n", escapeTeX(t.Note))
	}
	b.WriteString("\\end{table}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// escapeTeX returns text as LaTeX sets it: no character of it is a command.
func escapeTeX(s string) string { return texEscapes.Replace(s) }

var texEscapes = strings.NewReplacer(
	`\`, `\textbackslash{}`, `{`, `\{`, `}`, `\}`, `$`, `\$`, `&`, `\&`, `#`, `\#`, `%`, `\%`, `_`, `\_`,
	`~`, `\textasciitilde{}`, `^`, `\textasciicircum{}`, `<`, `\textless{}`, `>`, `\textgreater{}`, `|`, `\textbar{}`,
	"\n", " ", "\r", " ",
)

// csv writes the table as CSV; a column with intervals is three.
func (t *Table) csv(w io.Writer) error {
	var head []string
	between := make([]bool, len(t.Columns))
	for k, c := range t.Columns {
		head = append(head, c.Name)
		for _, row := range t.Rows {
			between[k] = between[k] || row[k].Lo != nil
		}
		if between[k] {
			head = append(head, c.Name+" lo", c.Name+" hi")
		}
	}
	c := csv.NewWriter(w)
	rows := [][]string{head}
	for _, row := range t.Rows {
		var fields []string
		for k := range row {
			if row[k].Value == nil {
				fields = append(fields, row[k].Text)
			} else {
				fields = append(fields, exact(row[k].Value))
			}
			if between[k] {
				fields = append(fields, exact(row[k].Lo), exact(row[k].Hi))
			}
		}
		rows = append(rows, fields)
	}
	return c.WriteAll(rows)
}

// exact writes a number so that it reads back exactly, nothing for nil.
func exact(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}
