package main

import (
	"errors"
	"path/filepath"

	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
)

type reportCmd struct {
	Dir     string `arg:"" help:"Run directory, such as runs/default-0123456789ab."`
	Out     string `placeholder:"FILE" help:"Where the report goes (default: report.html in the run directory)."`
	Figures string `placeholder:"DIR" help:"Also draw every chart of it in the style of a paper, as SVG, PNG and PDF."`
	Tables  string `placeholder:"DIR" help:"Also write every table of it as LaTeX (booktabs) and CSV."`
	JSON    bool   `name:"json" help:"Write what is in the report as JSON instead."`
}

// Run writes the report of a run from its files.
func (c *reportCmd) Run(a *app) error {
	if c.JSON && a.has("out") {
		return usageError{errors.New("--out: found it next to --json, which writes no report, expected one of them")}
	}
	d, err := run.ReportOf(c.Dir)
	if err != nil {
		return err
	}
	if c.Figures != "" {
		if err := report.WriteFigures(c.Figures, *d); err != nil {
			return err
		}
	}
	if c.Tables != "" {
		if err := report.WriteLaTeX(c.Tables, *d); err != nil {
			return err
		}
	}
	if c.JSON {
		return a.writeJSON(d)
	}
	if c.Out == "" {
		c.Out = filepath.Join(c.Dir, "report.html")
	}
	if err := report.WriteHTML(c.Out, *d); err != nil {
		return err
	}
	a.printf("Report:  %s\n", c.Out)
	return nil
}
