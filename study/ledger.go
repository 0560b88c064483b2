package study

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/locimem/locimem/internal/atomicfile"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
)

// WriteLedger writes the claims of the studies as LEDGER.md and ledger.json into a
// folder that exists, and returns the paths.
func WriteLedger(dir string, s Setting, claims []report.Claim) ([]string, error) {
	md, js := filepath.Join(dir, "LEDGER.md"), filepath.Join(dir, "ledger.json")
	err := atomicfile.Write(md, func(w io.Writer) error {
		_, err := io.WriteString(w, Ledger(s, claims))
		return err
	})
	if err != nil {
		return nil, err
	}
	return []string{md, js}, atomicfile.WriteJSON(js, claims)
}

const (
	ledgerHead = `Verdicts are computed by the rule next to each claim. Numbers carry 95 % intervals over pairs
		of encoders. The last column is the two-sided p value after Holm's correction for all claims of the
		ledger that have one; claims with the same numbers count once.`
	ledgerColumns = "| claim | source | paper | as the paper takes it | controlled | verdict | p, Holm |\n" +
		"|---|---|---|---|---|---|---|\n"
)

// Ledger returns the claims as Markdown.
func Ledger(s Setting, claims []report.Claim) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Ledger, %s scale\n\n%s\n\n%s", s.Scale, prose(ledgerHead), ledgerColumns)
	adjusted := holm(claims)
	for i, c := range claims {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | **%s** | %s |\n", cell(c.Statement), cell(c.Source), cell(c.Paper),
			number(c.Plain), number(c.Controlled), c.Verdict, adjusted[i])
	}
	for _, c := range claims {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n- rule: %s\n- found: %s\n- command: `%s`\n",
			c.ID, c.Statement, c.Rule, c.Why, c.Command)
	}
	return b.String()
}

// holm returns the claims' p values as text, corrected for their number. Claims of two studies
// that are judged by the same numbers are one test.
func holm(claims []report.Claim) []string {
	out := make([]string, len(claims))
	var p []float64
	place := map[string]int{} // in p, by what was found
	for _, c := range claims {
		if _, known := place[c.Why]; c.P != nil && !known {
			place[c.Why], p = len(p), append(p, *c.P)
		}
	}
	all, err := stats.Holm(p)
	if err != nil {
		return out // no claim has a test
	}
	for i, c := range claims {
		if c.P != nil {
			out[i] = fmt.Sprintf("%.3g", all[place[c.Why]])
		}
	}
	return out
}

// cell is text within a Markdown table.
func cell(s string) string { return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s) }

// number is a cell's number with its interval.
func number(c *report.Cell) string {
	switch {
	case c == nil:
		return ""
	case c.Value == nil:
		return cell(c.Text)
	case c.Lo == nil || c.Hi == nil:
		return fmt.Sprintf("%.4f", *c.Value)
	}
	return fmt.Sprintf("%.4f [%.4f, %.4f]", *c.Value, *c.Lo, *c.Hi)
}
