package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/locimem/locimem/internal/progress"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study"
	"github.com/locimem/locimem/study/graph"
)

type studyCmd struct {
	Names    []string `arg:"" optional:"" name:"name" help:"Studies, or all; without one they are listed."`
	Scale    string   `default:"tiny" placeholder:"SCALE" help:"tiny, mini, small or paper; default: tiny."`
	Pairs    int      `placeholder:"N" help:"Pairs of encoders (default: the scale's, 3)."`
	From     int      `placeholder:"N" help:"Leave out the pairs before the N-th (default: 1)."`
	Seed     uint64   `default:"1" help:"Seed of the first pair and of the split (default: 1)."`
	DataDir  string   `placeholder:"DIR" help:"Folder of CIFAR-10, for all scales but tiny."`
	Other    string   `placeholder:"NAME" help:"Other data (default: synthetic images of another seed)."`
	OtherDir string   `name:"other-dir" placeholder:"DIR" help:"Folder of the files of --other."`
	Distance string   `enum:",unit-l2,l2,l1,cosine,angular" default:"" placeholder:"D" help:"Distance of the scores."`
	Threads  int      `placeholder:"N" help:"Cores in use (default: all)."`
	Out      string   `default:"runs" placeholder:"DIR" help:"Folder of the store and of the reports (default: runs)."`
	DryRun   bool     `help:"Only list the steps, with the time that each will take on this machine."`
	JSON     bool     `name:"json" help:"Write the claims, or the list of studies, as JSON."`
}

// Help is shown below the summary of the command.
func (*studyCmd) Help() string {
	return `Scale tiny has built-in images. The others need the official binary files of CIFAR-10 (--data-dir).

--from leaves out pairs, so that other pairs can judge a claim that the first ones suggested.

--other is one of the sources in locimem data list, for studies that take layers from other data or move
encoders to it.

--distance is that of the scores that claims are about: unit-l2 (the authors', the default), l2 (raw), l1,
cosine or angular.`
}

// Run plans the studies, does the steps that are not finished, and reports.
func (c *studyCmd) Run(a *app) error {
	if len(c.Names) == 0 {
		if err := a.takes("no study", "json"); err != nil {
			return err
		}
		return listStudies(a, c.JSON)
	}
	if err := c.check(); err != nil {
		return usageError{err}
	}
	defer run.HoldSynthetic()()
	plans, err := c.plan()
	if err != nil {
		return usageError{err}
	}
	var steps []*graph.Step
	for _, p := range plans {
		steps = append(steps, p.Steps...)
	}
	store := graph.NewStore(filepath.Join(c.Out, "store"))
	if c.DryRun {
		return c.dryRun(a, store, steps)
	}
	ctx := study.WithReporter(a.ctx, reporter{a.ui})
	if err := store.Run(ctx, steps, stepWatcher{a}); err != nil {
		return err
	}
	return c.report(a, plans, store)
}

// setting is what all studies of the call have in common.
func (c *studyCmd) setting() study.Setting {
	return study.Setting{
		Scale: c.Scale, Pairs: c.Pairs, From: c.From, Distance: memorize.Distance(c.Distance), Seed: c.Seed,
		DataDir: c.DataDir, Threads: c.Threads, Other: c.Other, OtherDir: c.OtherDir,
	}
}

// plannedStudy is a study with its plan.
type plannedStudy struct {
	name string
	*study.Plan
}

// plan plans the studies that were asked for.
func (c *studyCmd) plan() ([]plannedStudy, error) {
	var out []plannedStudy
	for _, name := range c.Names {
		found, err := study.Find(name)
		if err != nil {
			return nil, err
		}
		for _, s := range found {
			p, err := s.Plan(c.setting())
			if err != nil {
				return nil, fmt.Errorf("study %s: %w", s.Name, err)
			}
			out = append(out, plannedStudy{s.Name, p})
		}
	}
	if c.Other == "" {
		return out, nil
	}
	without := *c
	without.Other, without.OtherDir = "", ""
	usual, err := without.plan()
	if err == nil && slices.Equal(stepNames(usual), stepNames(out)) {
		err = fmt.Errorf("--other: found it with %s, where it has no effect, expected a study that takes layers from other "+
			"data or moves encoders to it", strings.Join(c.Names, " "))
	}
	return out, err
}

// stepNames returns the names of the steps of some plans.
func stepNames(plans []plannedStudy) (names []string) {
	for _, p := range plans {
		for _, s := range p.Steps {
			names = append(names, s.Name())
		}
	}
	return names
}

// folder names the reports of the call by everything that decides them except --data-dir.
func (c *studyCmd) folder() string {
	name := strings.Join(c.Names, "-") + "-" + c.Scale
	for _, part := range []struct {
		given bool
		text  string
	}{
		{c.Distance != "", "-" + c.Distance},
		{c.From > 1, fmt.Sprintf("-from%d", c.From)},
		{c.Pairs > 0, fmt.Sprintf("-pairs%d", c.Pairs)},
		{c.Seed != 1, fmt.Sprintf("-seed%d", c.Seed)},
		{c.Other != "", "-" + c.Other},
	} {
		if part.given {
			name += part.text
		}
	}
	return filepath.Join(c.Out, "studies", name)
}

// report writes the reports and the ledger, and prints the claims. If some reports fail the
// others are still written.
func (c *studyCmd) report(a *app, plans []plannedStudy, store *graph.Store) error {
	dir := c.folder()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var claims []report.Claim
	var pages []string
	var failed error
	for _, p := range plans {
		page, found, err := writeStudy(filepath.Join(dir, p.name), p.Plan, store)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("study %s: %w", p.name, err))
			continue
		}
		pages, claims = append(pages, page), append(claims, found...)
	}
	ledger, err := study.WriteLedger(dir, c.setting(), claims)
	if err != nil {
		return err
	}
	a.ui.Close()
	if c.JSON {
		return errors.Join(failed, a.writeJSON(claims))
	}
	for _, k := range claims {
		a.paragraph("", fmt.Sprintf("%s: %s In numbers: %s.", strings.ToUpper(string(k.Verdict)), k.Statement, k.Why))
	}
	a.printf("\nReports: %s\nLedger:  %s\n", strings.Join(pages, "\n         "), ledger[0])
	return failed
}

// writeStudy writes the report of a study with its figures and tables, and returns the page
// and the claims.
func writeStudy(dir string, p *study.Plan, store *graph.Store) (page string, claims []report.Claim, err error) {
	d, err := p.Report(store)
	if err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, err
	}
	page = filepath.Join(dir, "report.html")
	if err := report.WriteHTML(page, *d); err != nil {
		return "", nil, err
	}
	if err := report.WriteFigures(filepath.Join(dir, "figures"), *d); err != nil {
		return "", nil, err
	}
	return page, d.Claims, report.WriteLaTeX(filepath.Join(dir, "tables"), *d)
}

// mostPairs bounds --pairs and --from.
const mostPairs = 1000

// check looks at the flags before anything is done.
func (c *studyCmd) check() error {
	if !slices.Contains(study.Scales(), c.Scale) {
		return fmt.Errorf("--scale: found %q, expected one of %s", c.Scale, strings.Join(study.Scales(), ", "))
	}
	switch builtIn := c.Scale == "tiny"; {
	case c.DryRun && c.JSON:
		return errors.New("--json: found it next to --dry-run, which has no claims, expected one of them")
	case c.Pairs < 0 || c.Pairs > mostPairs:
		return fmt.Errorf("--pairs: found %d, expected 1 to %d", c.Pairs, mostPairs)
	case c.From < 0 || c.From > mostPairs:
		return fmt.Errorf("--from: found %d, expected 1 to %d", c.From, mostPairs)
	case (c.Other == "") != (c.OtherDir == ""):
		return fmt.Errorf("--other and --other-dir: found %q and %q, expected both or none", c.Other, c.OtherDir)
	case builtIn && c.DataDir != "":
		return fmt.Errorf("--data-dir: found %q, expected none, as scale tiny has built-in images", c.DataDir)
	case !builtIn && c.DataDir == "":
		return fmt.Errorf("--data-dir: found none, expected the folder with the binary files of CIFAR-10, "+
			"which scale %s needs", c.Scale)
	}
	for _, f := range [][2]string{{"--data-dir", c.DataDir}, {"--other-dir", c.OtherDir}} {
		if f[1] == "" {
			continue
		}
		if info, err := os.Stat(f[1]); err != nil {
			return fmt.Errorf("%s: %w", f[0], err)
		} else if !info.IsDir() {
			return fmt.Errorf("%s: found a file, %s, expected a folder", f[0], f[1])
		}
	}
	return nil
}

// listStudies says which studies there are.
func listStudies(a *app, asJSON bool) error {
	if asJSON {
		type listed struct {
			Name   string `json:"name"`
			Title  string `json:"title"`
			Source string `json:"source"`
		}
		var all []listed
		for _, s := range study.Studies() {
			all = append(all, listed{s.Name, s.Title, s.Source})
		}
		return a.writeJSON(all)
	}
	t := newTable(3, "study", "asks about", "source")
	for _, s := range study.Studies() {
		t.AppendRow([]any{s.Name, s.Title, s.Source})
	}
	a.printf("%s\nlocimem study NAME does one, locimem study all does all of them; --dry-run says how long it takes.\n",
		t.Render())
	return nil
}

// dryRun lists the steps with the time that each will take.
func (c *studyCmd) dryRun(a *app, store *graph.Store, steps []*graph.Step) error {
	if err := store.Plan(steps); err != nil {
		return err
	}
	a.ui.Printf("measuring how long steps take on this machine")
	all, err := store.Estimate(a.ctx, steps)
	if err != nil {
		return err
	}
	a.ui.Close()
	t := newTable(2, "step", "what", "time")
	total := 0.0
	for _, e := range all {
		took := progress.Duration(time.Duration(e.Seconds * float64(time.Second)))
		if e.Done != nil {
			took = "done"
		}
		total += e.Seconds
		t.AppendRow([]any{e.Step.Name(), e.Step.Label(), took})
	}
	a.printf("%s\n%d steps, about %s in all; locimem step HASH does a single one\n",
		t.Render(), len(all), progress.Duration(time.Duration(total*float64(time.Second))))
	return nil
}

// stepWatcher says which step is being done.
type stepWatcher struct{ a *app }

// Begin implements graph.Watcher.
func (w stepWatcher) Begin(s *graph.Step, number, total int) {
	w.a.ui.Printf("step %d of %d: %s (%s)", number, total, s.Label(), s.Name())
}

// End implements graph.Watcher.
func (w stepWatcher) End(*graph.Step, *graph.Done) {}

// Waiting implements graph.Watcher.
func (w stepWatcher) Waiting(s *graph.Step) {
	w.a.ui.Printf("waiting for %s (%s), which another process works on", s.Label(), s.Name())
}

type stepCmd struct {
	Hash string `arg:"" help:"Hash of the step, or its beginning, as locimem study NAME --dry-run lists it."`
	Out  string `default:"runs" placeholder:"DIR" help:"Folder of the store (default: runs)."`
}

// Run does one step of a study, with what it needs.
func (c *stepCmd) Run(a *app) error {
	store := graph.NewStore(filepath.Join(c.Out, "store"))
	s, err := store.Find(c.Hash)
	if err != nil {
		return usageError{err}
	}
	defer run.HoldSynthetic()()
	if err := store.Run(study.WithReporter(a.ctx, reporter{a.ui}), []*graph.Step{s}, stepWatcher{a}); err != nil {
		return err
	}
	a.ui.Close()
	a.printf("%s\n", store.Path(s))
	return nil
}
