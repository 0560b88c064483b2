package run

import (
	"context"
	"time"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run/page"
	"github.com/locimem/locimem/ssl"
)

// Result is what a run ends with.
type Result struct {
	Dir     string   `json:"dir"`
	Recipe  string   `json:"recipe_hash"`
	ISA     string   `json:"isa"`
	Threads int      `json:"threads"`
	Seconds float64  `json:"seconds"` // of this process, not of what was reused
	Reused  []string `json:"reused"`  // of f, g, scores, figures, report: what was there already
	// KNN is the last accuracy of each encoder, nil if it was not measured.
	KNN map[memorize.Side]*float64 `json:"knn"`
	// Private is what each encoder has spent, nil where training is not private.
	Private map[memorize.Side]*ssl.Spent `json:"private,omitempty"`
	Summary *page.Summary                `json:"summary"`
	Reading string                       `json:"reading"`
}

// RunPair is the main job: it trains f and g by the recipe, scores them and
// draws the figures, all in the run directory dir. What is there already is
// used; interrupted training continues. When ctx is cancelled it saves a checkpoint
// and returns an error that wraps ctx.Err().
func RunPair(ctx context.Context, r *recipe.Recipe, dir string, rep Reporter) (*Result, error) {
	began := time.Now()
	l, err := Open(r)
	if err != nil {
		return nil, err
	}
	e, err := newEngine(r, r.Train.Threads)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	d, err := OpenRunDir(dir, r)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	if err := d.claimSplit(l.Split); err != nil {
		return nil, err
	}
	log, err := OpenLog(d.Path("log.jsonl"))
	if err != nil {
		return nil, err
	}
	res := &Result{Dir: dir, Recipe: r.Hash(), ISA: e.ISA(), Threads: e.Threads(), KNN: map[memorize.Side]*float64{}}
	if nf, ng := len(l.TrainIndices(memorize.F)), len(l.TrainIndices(memorize.G)); nf != ng {
		rep.Printf("warning: f trains on %d images and g on %d: their batches differ, and so may their numbers of steps; "+
			"make split.candidate and split.independent equal to compare them", nf, ng)
	}
	l.reportData(rep)
	encoders, reused, err := trainAll(ctx, e, l, d, log, rep, memorize.F, memorize.G)
	if err != nil {
		return nil, err
	}
	res.Reused = append([]string{}, reused...)
	fresh := !scored(d.Path("scores"), l, encoders[memorize.F], encoders[memorize.G])
	if fresh {
		if err := ScorePair(ctx, e, l, encoders[memorize.F], encoders[memorize.G], d.Path("scores"), rep); err != nil {
			return nil, err
		}
	} else {
		res.Reused = append(res.Reused, "scores")
	}
	stored, err := recipe.LoadStored(d.Path("recipe.yaml")) // as the report will be read later
	if err != nil {
		return nil, err
	}
	in := input(stored, log)
	in.Train, in.Test = l.Train, l.Test
	p, err := page.Read(d.Path("scores"), in)
	if err != nil {
		return nil, err
	}
	res.Summary, res.Reading = p.Summary, p.Summary.Reading()
	if fresh || !exists(page.Figures(d.Path("figures"))...) {
		if err := p.Draw(d.Path("figures")); err != nil {
			return nil, err
		}
	} else {
		res.Reused = append(res.Reused, "figures")
	}
	if fresh || !exists(d.Path(page.HTML)) {
		if err := p.WriteReport(dir); err != nil {
			return nil, err
		}
	} else {
		res.Reused = append(res.Reused, "report")
	}
	for _, side := range memorize.Sides {
		for _, rec := range log.Records(side) {
			if rec.KNN != nil {
				res.KNN[side] = rec.KNN
			}
			if rec.Private != nil {
				if res.Private == nil {
					res.Private = map[memorize.Side]*ssl.Spent{}
				}
				res.Private[side] = rec.Private
			}
		}
	}
	res.Seconds = time.Since(began).Seconds()
	return res, nil
}

// TrainEncoder trains one encoder of the recipe, F or G, in the run directory
// dir, like RunPair. It returns the path of its file.
func TrainEncoder(ctx context.Context, r *recipe.Recipe, dir string, side memorize.Side, rep Reporter) (string, error) {
	l, err := Open(r)
	if err != nil {
		return "", err
	}
	e, err := newEngine(r, r.Train.Threads)
	if err != nil {
		return "", err
	}
	defer e.Close()
	d, err := OpenRunDir(dir, r)
	if err != nil {
		return "", err
	}
	defer d.Close()
	if err := d.claimSplit(l.Split); err != nil {
		return "", err
	}
	log, err := OpenLog(d.Path("log.jsonl"))
	if err != nil {
		return "", err
	}
	if _, _, err := trainAll(ctx, e, l, d, log, rep, side); err != nil {
		return "", err
	}
	return d.Encoder(side), nil
}
