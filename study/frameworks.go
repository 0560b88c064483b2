package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/locimem/locimem/internal/strict"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/recipes"
	"github.com/locimem/locimem/report"
)

// frameworks asks whether memorization rises with depth whatever method trained the
// encoder (Tables 4, 29, 31), and whether UnitMem is alike (Figure 12).
var frameworks = Study{Name: "frameworks", Source: "T4, T29, T31, F12", Title: "Methods of training", plan: func(l *lab) writer {
	all := []variant{l.variant("simclr")}
	for _, m := range []string{"byol", "mocov2", "dino"} {
		all = append(all, l.variant(m, l.method(m)...))
	}
	mae, dino := l.pairs(l.vit()...), l.pairs(l.dinoViT()...)
	vits := []variant{{"mae", mae.f(), mae, nil}, {"dino", dino.f(), dino, nil}}
	return func(x *reader) (*report.Document, error) {
		c, sections, err := x.compare("method", all)
		if err != nil {
			return nil, err
		}
		d := &report.Document{Lead: []string{"Pairs of the same encoder were trained by several methods on the same split, each with its own settings, scored, and their units ranked. Masked autoencoders, which need vision transformers, stand beside DINO with small crops on those."}, Sections: sections}
		for i, v := range all {
			r, err := x.results(v.pairs)
			if err != nil {
				return nil, err
			}
			convs, err := r.convolutions()
			if err != nil {
				return nil, err
			}
			d.Claims = append(d.Claims, r.rises("frameworks."+v.name, "T4", "Memorization rises with depth in "+v.name+".",
				"SimCLR .040, .161, .302, DINO .041, .165, .311 in layers 2, 27, 49 of a ResNet-50", convs))
			if i > 0 {
				d.Claims = append(d.Claims, x.judgeWithin(report.Claim{ID: "frameworks.units-" + v.name, Source: "F12", Statement: "UnitMem of " + v.name + " is that of simclr.", Paper: "alike, a figure",
					Rule: "The number is UnitMem of this method minus that of simclr, mean over the units behind each ReLU and then over these taps, one for each seed."},
					"UnitMem of "+v.name+" minus simclr", minus(c.units[i], c.units[0]), unitsMargin))
			}
		}
		s, claims, err := x.transformers(vits)
		d.Claims, d.Sections = append(d.Claims, claims...), append(d.Sections, s)
		return d, err
	}
}}

// dinoViT returns the changes that train vision transformers by DINO with small crops,
// at scale tiny smaller ones than the others, or they would take minutes.
func (l *lab) dinoViT() []string {
	sets := l.vit(`score.taps=["blocks.?","blocks.??"]`)
	switch l.scale.name {
	case "tiny":
		return append(sets, "method.name=dino", "method.local_crops=2", "encoder.name=vit_tiny_patch8", "encoder.width=0.25", "train.epochs=5")
	case "mini": // half of the epochs and of the small crops: three pairs would take hours
		return append(append(sets, l.method("dino-vit")...), "method.local_crops=2", "train.epochs=30", "train.warmup_epochs=6")
	case "paper":
		sets = append(sets, "augment.preset=normal") // there are no patches to hide
	}
	return append(sets, l.method("dino-vit")...)
}

// transformers puts the blocks of vision transformers side by side, by what trained
// them (Table 31).
func (x *reader) transformers(vits []variant) (report.Section, []report.Claim, error) {
	s := report.Section{Title: "Vision transformers"}
	accuracy, err := x.lastAccuracies("method", vits)
	if err != nil {
		return s, nil, err
	}
	accuracy.Name, accuracy.Title = "accuracy-vit", "Accuracy of the vision transformers f by method"
	t := report.Table{Name: "controlled-vit", Title: "The controlled score of the blocks, by method", Columns: []report.Column{{Name: "tap"}}}
	chart := report.Chart{Name: "controlled-vit", Title: t.Title, Kind: report.Line, X: "block", Y: "half of S_C minus S_I", Reference: []report.Reference{{Y: 0}}}
	paper := map[string]string{"mae": "MAE .019 in block 1 to .271 in block 12 of a ViT-B", "dino": "DINO .019 in block 1 to .275 in block 12 of a ViT-B"}
	var claims []report.Claim
	var deepest, plain [][]float64
	for _, v := range vits {
		r, err := x.results(v.pairs)
		if err != nil {
			return s, nil, err
		}
		blocks, err := r.blocks()
		if err != nil {
			return s, nil, err
		}
		chart.Categories = blocks
		s.Text = append(s.Text, fmt.Sprintf("%s: %s", v.name, r.trained()))
		t.Note = r.intervals()
		addColumn(&t, &chart, v.name, "half of S_C minus S_I", blocks, func(tap string) report.Cell { return interval(controlled(r.scores, tap)) })
		deepest = append(deepest, deep(blocks, func(tap string) []float64 { return controlled(r.scores, tap) }))
		plain = append(plain, deep(blocks, func(tap string) []float64 { return layerMem(r.scores, tap) }))
		claims = append(claims, r.rises("frameworks.vit-"+v.name, "T31", "Memorization rises with depth in a vision transformer trained by "+v.name+".", paper[v.name], blocks))
	}
	if vits[0].f[0].recipe.Encoder == vits[1].f[0].recipe.Encoder {
		claims = append(claims, x.sameScore(report.Claim{ID: "frameworks.vit-alike", Source: "T31", Statement: "A vision transformer memorizes as much by dino as by mae.", Paper: "DINO at most .005 more than MAE in every block of a ViT-B", Plain: intervalOf(minus(plain[1], plain[0])),
			Rule: "The number is the controlled score of dino minus that of mae, mean of the last three blocks, one for each seed."},
			"the controlled score, dino minus mae", minus(deepest[1], deepest[0]), deepest[0]))
	}
	s.Tables, s.Charts = []report.Table{t}, []report.Chart{chart}
	if len(accuracy.Rows) > 0 {
		s.Tables = append(s.Tables, accuracy)
	}
	return s, claims, nil
}

// trainFields are the settings of the training that belong to a method.
var trainFields = []string{"optimizer", "lr", "weight_decay", "weight_decay_end", "momentum", "beta1", "beta2", "lars_trust", "lars_clip", "clip_norm", "schedule", "warmup_epochs"}

// method returns the changes that train by another method: at scale tiny only its
// name, with the default recipe's settings; at the others those of its own recipe.
func (l *lab) method(name string) []string {
	file := name + "-mini"
	fields := trainFields
	switch l.scale.name {
	case "tiny":
		return []string{"method.name=" + name}
	case "paper":
		file, fields = "paper-"+name, append([]string{"batch", "epochs"}, trainFields...)
	}
	text, err := recipes.Read(file)
	if err != nil {
		l.fail(err)
		return nil
	}
	r, err := recipe.Read(file, text, []string{"data.dir=" + l.DataDir})
	if err != nil {
		l.fail(err)
		return nil
	}
	var sets []string
	for _, f := range strict.Leaves(r) {
		section, field, _ := strings.Cut(f.Path, ".")
		if section == "method" || section == "train" && slices.Contains(fields, field) {
			sets = append(sets, fmt.Sprintf("%s=%s", f.Path, strict.Text(f.Value)))
		}
	}
	return sets
}
