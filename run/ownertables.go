package run

import (
	"path/filepath"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
)

// ReadHeldOut reads heldout.csv in a folder that Scores.WriteFiles wrote. It has no
// rows where candidates or independents were not scored.
func ReadHeldOut(dir string) ([]memorize.HeldOut, error) {
	var out []memorize.HeldOut
	err := readTable(filepath.Join(dir, heldOutCSV), []string{"encoder", "tap", "depth", "points", "units", "top_units", "by_members", "share", "lo", "hi", "p_binomial", "p", "owners"},
		func(r *row) {
			m := stats.Share{Share: r.float("share"), Interval: stats.Interval{Lo: r.float("lo"), Hi: r.float("hi")}, P: r.float("p_binomial"), K: r.int("by_members"), N: r.int("top_units")}
			out = append(out, memorize.HeldOut{Encoder: r.text("encoder"), Tap: r.text("tap"), Depth: r.int("depth"), Points: r.int("points"), Units: r.int("units"), Members: m, P: r.float("p"), Owners: r.int("owners")})
		})
	return out, err
}

// ReadSeparations reads auc.csv in such a folder. It has no rows where candidates or
// independents were not scored.
func ReadSeparations(dir string) ([]memorize.Separation, error) {
	var out []memorize.Separation
	header := []string{"tap", "depth", "estimator", "distance", "auc", "se", "lo", "hi", "tpr_1", "tpr_10", "p", "p_normal", "candidates", "independents"}
	err := readTable(filepath.Join(dir, aucCSV), header, func(r *row) {
		out = append(out, memorize.Separation{Tap: r.text("tap"), Depth: r.int("depth"),
			Estimator: memorize.Estimator(r.text("estimator")), Distance: memorize.Distance(r.text("distance")),
			Area: stats.Area{AUC: r.float("auc"), SE: r.float("se"), Interval: stats.Interval{Lo: r.float("lo"), Hi: r.float("hi")},
				Positives: r.int("candidates"), Negatives: r.int("independents")},
			TPR1: r.float("tpr_1"), TPR10: r.float("tpr_10"), P: r.float("p"), PNormal: r.float("p_normal")})
	})
	return out, err
}

// ReadPreferences reads preference.csv in such a folder.
func ReadPreferences(dir string) ([]memorize.Preference, error) {
	var out []memorize.Preference
	err := readTable(filepath.Join(dir, preferenceCSV), []string{"encoder", "tap", "unit", "members", "others", "z"}, func(r *row) {
		out = append(out, memorize.Preference{Encoder: r.text("encoder"), Tap: r.text("tap"), Unit: r.int("unit"),
			Members: r.float("members"), Others: r.float("others"), Z: r.float("z")})
	})
	return out, err
}

// ReadOwners reads owners.csv in such a folder.
func ReadOwners(dir string) ([]memorize.Owner, error) {
	var out []memorize.Owner
	err := readTable(filepath.Join(dir, ownersCSV), []string{"encoder", "tap", "set", "point", "units", "score"}, func(r *row) {
		out = append(out, memorize.Owner{Encoder: r.text("encoder"), Tap: r.text("tap"), Set: r.text("set"), Point: r.int("point"), Units: r.int("units"), Score: r.float("score")})
	})
	return out, err
}
