package study

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

// ReadOwners reads owners.csv in such a folder.
func ReadOwners(dir string) ([]memorize.Owner, error) {
	var out []memorize.Owner
	err := readTable(filepath.Join(dir, ownersCSV), []string{"encoder", "tap", "set", "point", "units", "score"}, func(r *row) {
		out = append(out, memorize.Owner{Encoder: r.text("encoder"), Tap: r.text("tap"), Set: r.text("set"), Point: r.int("point"), Units: r.int("units"), Score: r.float("score")})
	})
	return out, err
}
