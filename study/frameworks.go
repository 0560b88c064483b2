package study

// Does memorization rise with depth whatever method trained the encoder (Tables 4, 29, 31),
// and is UnitMem the same (Figure 12)?

import (
	"fmt"
	"slices"
	"strings"

	"github.com/locimem/locimem/internal/settings"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/recipes"
	"github.com/locimem/locimem/report"
)

// claimRisesBySSL is the claim about one method.
func claimRisesBySSL(method string) Claim {
	return claimRises("frameworks."+method, "T4", "Memorization rises with depth in "+method+".",
		"SimCLR .040, .161, .302, DINO .041, .165, .311 in layers 2, 27, 49 of a ResNet-50")
}

// claimViTRises is the same claim about vision transformers.
func claimViTRises(method string) Claim {
	paper := map[string]string{
		"mae":  "MAE .019 in block 1 to .271 in block 12 of a ViT-B",
		"dino": "DINO .019 in block 1 to .275 in block 12 of a ViT-B",
	}
	return claimRises("frameworks.vit-"+method, "T31",
		"Memorization rises with depth in a vision transformer trained by "+method+".", paper[method])
}

var (
	claimMethodUnits = Claim{
		ID:        "frameworks.units-{method}",
		Source:    "F12",
		Statement: "UnitMem of {method} is that of simclr.",
		Paper:     "alike, a figure",
		Rule: `The number is UnitMem of this method minus that of simclr, mean over the units behind each ReLU
			and then over these taps, one for each seed.`,
		Number: "UnitMem of {method} minus simclr",
	}
	claimViTAlike = Claim{
		ID:        "frameworks.vit-alike",
		Source:    "T31",
		Statement: "A vision transformer memorizes as much by dino as by mae.",
		Paper:     "DINO at most .005 more than MAE in every block of a ViT-B",
		Rule: `The number is the controlled score of dino minus that of mae, mean of the last three blocks, one
			for each seed; plain: the same for LayerMem of the candidates.`,
		Number: "the controlled score, dino minus mae",
	}
)

const leadFrameworks = `Pairs of the same encoder were trained by several methods on the same split, each with
	its own settings. They were scored, and their units ranked. Masked autoencoders need vision transformers, on
	which they stand next to DINO with small crops.`

var frameworks = Register(Study{
	Name:   "frameworks",
	Source: "T4, T29, T31, F12",
	Title:  "Methods of training",
	Place:  90,
	Design: func(plan *Planner) Writer {
		all := []variant{plan.variant("simclr")}
		for _, m := range []string{"byol", "mocov2", "dino"} {
			all = append(all, plan.variant(m, plan.method(m)...))
		}
		mae, dino := plan.TrainPairs(plan.vit()...), plan.TrainPairs(plan.dinoViT()...)
		vits := []variant{{"mae", mae.f(), mae, nil}, {"dino", dino.f(), dino, nil}}
		return func(x *Reader) (*report.Document, error) { return writeFrameworks(x, all, vits) }
	},
})

func writeFrameworks(x *Reader, all, vits []variant) (*report.Document, error) {
	c, err := x.compare("method", all)
	if err != nil {
		return nil, err
	}
	d := &report.Document{Lead: []string{prose(leadFrameworks)}, Sections: c.sections}
	for i, v := range all {
		r, err := x.Results(v.pairs)
		if err != nil {
			return nil, err
		}
		convs, err := r.Convolutions()
		if err != nil {
			return nil, err
		}
		d.Claims = append(d.Claims, r.judgeRises(claimRisesBySSL(v.name), convs))
		if i > 0 {
			claim := claimMethodUnits.fill("{method}", v.name)
			d.Claims = append(d.Claims, x.judgeWithin(claim, nil, minus(c.units[i], c.units[0]), unitsMargin))
		}
	}
	s, claims, err := x.transformers(vits)
	d.Claims, d.Sections = append(d.Claims, claims...), append(d.Sections, s)
	return d, err
}

// dinoViT returns the changes that train vision transformers by DINO with small crops. At
// scale tiny they are smaller than the others, or they would take minutes.
func (p *Planner) dinoViT() []string {
	sets := p.vit(`score.taps=["blocks.?","blocks.??"]`)
	switch p.scale.name {
	case "tiny":
		return append(sets, "method.name=dino", "method.local_crops=2",
			"encoder.name=vit_tiny_patch8", "encoder.width=0.25", "train.epochs=5")
	case "mini": // half of the epochs and of the small crops: three pairs would take hours
		return append(append(sets, p.method("dino-vit")...),
			"method.local_crops=2", "train.epochs=30", "train.warmup_epochs=6")
	case "paper":
		sets = append(sets, "augment.preset=normal") // there are no patches to hide
	}
	return append(sets, p.method("dino-vit")...)
}

// transformers puts the blocks of vision transformers trained by mae and dino side by side
// (Table 31).
func (x *Reader) transformers(vits []variant) (report.Section, []report.Claim, error) {
	s := report.Section{Title: "Vision transformers"}
	accuracy, err := x.lastAccuracies("method", vits)
	if err != nil {
		return s, nil, err
	}
	accuracy.Name, accuracy.Title = "accuracy-vit", "Accuracy of the vision transformers f by method"
	t := report.Table{
		Name: "controlled-vit", Title: "The controlled score of the blocks, by method",
		Columns: []report.Column{{Name: "tap"}},
	}
	chart := report.Chart{
		Name: "controlled-vit", Title: t.Title, Kind: report.Line, X: "block", Y: halfDifference, Reference: zero,
	}
	var claims []report.Claim
	var own, plain [][]float64
	for _, v := range vits {
		r, err := x.Results(v.pairs)
		if err != nil {
			return s, nil, err
		}
		blocks, err := r.blocks()
		if err != nil {
			return s, nil, err
		}
		t.Note, chart.Categories = r.intervals(), blocks
		s.Text = append(s.Text, fmt.Sprintf("%s: %s", v.name, r.trained()))
		addIntervals(&t, &chart, v.name, halfDifference, blocks, r.Controlled)
		own, plain = append(own, LastThree(blocks, r.Controlled)), append(plain, LastThree(blocks, r.LayerMem))
		claims = append(claims, r.judgeRises(claimViTRises(v.name), blocks))
	}
	if vits[0].f[0].Recipe.Encoder == vits[1].f[0].Recipe.Encoder {
		claims = append(claims, x.sameScore(claimViTAlike, minus(plain[1], plain[0]), minus(own[1], own[0]), own[0]))
	}
	s.Tables, s.Charts = []report.Table{t}, []report.Chart{chart}
	if len(accuracy.Rows) > 0 {
		s.Tables = append(s.Tables, accuracy)
	}
	return s, claims, nil
}

// trainFields are the settings of the training that belong to a method.
var trainFields = []string{
	"optimizer", "lr", "weight_decay", "weight_decay_end", "momentum", "beta1", "beta2",
	"lars_trust", "lars_clip", "clip_norm", "schedule", "warmup_epochs",
}

// method returns the changes that train by another method: at scale tiny only its name,
// with the default recipe's settings, at the others the settings of its own recipe.
func (p *Planner) method(name string) []string {
	file := name + "-mini"
	fields := trainFields
	switch p.scale.name {
	case "tiny":
		return []string{"method.name=" + name}
	case "paper":
		file, fields = "paper-"+name, append([]string{"batch", "epochs"}, trainFields...)
	}
	text, err := recipes.Read(file)
	if err != nil {
		p.fail(err)
		return nil
	}
	r, err := recipe.Read(file, text, []string{"data.dir=" + p.DataDir})
	if err != nil {
		p.fail(err)
		return nil
	}
	var sets []string
	for _, f := range settings.Leaves(r) {
		section, field, _ := strings.Cut(f.Path, ".")
		if section == "method" || section == "train" && slices.Contains(fields, field) {
			sets = append(sets, f.Path+"="+settings.Text(f.Value))
		}
	}
	return sets
}
