package experiments

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
	return func(x *reader) (*report.Document, error) {
		c, sections, err := x.compare("method", all)
		if err != nil {
			return nil, err
		}
		d := &report.Document{Lead: []string{"Pairs of the same encoder were trained by several methods on the same split, each with its own settings, scored, and their units ranked. A masked autoencoder, which needs a vision transformer, is in study attention."}, Sections: sections}
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
		return d, nil
	}
}}

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
