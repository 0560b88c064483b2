package run

import "path/filepath"

// ReadAlignmentMem reads alignment-matrix LayerMem from alignment.csv in a folder that
// Scores.WriteFiles wrote, by tap and set; none if it was not scored.
func ReadAlignmentMem(dir string) (map[[2]string]float64, error) {
	out := map[[2]string]float64{}
	err := readTable(filepath.Join(dir, alignmentCSV), []string{"tap", "depth", "set", "score", "se", "lo", "hi", "n", "rows", "rows_se", "rows_lo", "rows_hi"}, func(r *row) {
		out[[2]string{r.text("tap"), r.text("set")}] = r.float("score")
	})
	return out, err
}
