package memorize

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"
)

// writeTable writes a header and the fields of each row.
func writeTable[T any](w io.Writer, header []string, rows []T, fields func(T) []string) error {
	c := csv.NewWriter(w)
	err := c.Write(header)
	for _, r := range rows {
		if err != nil {
			return err
		}
		err = c.Write(fields(r))
	}
	c.Flush()
	return c.Error()
}

func (s *Scores) writeSeparations(w io.Writer) error {
	return writeTable(w, []string{"tap", "depth", "estimator", "distance", "auc", "se", "lo", "hi", "tpr_1", "tpr_10", "p", "p_normal", "candidates", "independents"}, s.Separations,
		func(r Separation) []string {
			return []string{r.Tap, strconv.Itoa(r.Depth), string(r.Estimator), string(r.Distance), number(r.AUC), number(r.SE), number(r.Lo), number(r.Hi),
				number(r.TPR1), number(r.TPR10), number(r.P), number(r.PNormal), strconv.Itoa(r.Positives), strconv.Itoa(r.Negatives)}
		})
}

func (s *Scores) writeTopScores(w io.Writer) error {
	return writeTable(w, []string{"tap", "depth", "set", "estimator", "distance", "k", "top", "least"}, s.TopScores, func(r TopScore) []string {
		return []string{r.Tap, strconv.Itoa(r.Depth), r.Set, string(r.Estimator), string(r.Distance), strconv.Itoa(r.K), number(r.Top), number(r.Least)}
	})
}

func (s *Scores) writeRankedPoints(w io.Writer) error {
	return writeTable(w, []string{"tap", "set", "rank", "point", "score"}, s.RankedPoints, func(r RankedPoint) []string {
		return []string{r.Tap, r.Set, strconv.Itoa(r.Rank), strconv.Itoa(r.Point), number(r.Score)}
	})
}

func (s *Scores) writeNumMemUnits(w io.Writer) error {
	header := []string{"encoder", "tap", "depth", "set", "units", "ranked", "threshold", "above", "top_units", "owners", "most", "most_by"}
	return writeTable(w, header, s.NumMemUnits, func(r NumMemUnits) []string {
		return []string{r.Encoder, r.Tap, strconv.Itoa(r.Depth), r.Set, strconv.Itoa(r.Units), strconv.Itoa(r.Ranked), number(MemUnitThreshold), strconv.Itoa(r.Above),
			strconv.Itoa(r.Top.Units), strconv.Itoa(r.Top.Distinct), strconv.Itoa(r.Top.Most), strconv.Itoa(r.Top.MostBy)}
	})
}

func (s *Scores) writeOwners(w io.Writer) error {
	return writeTable(w, []string{"encoder", "tap", "set", "point", "units", "score"}, s.Owners, func(r Owner) []string {
		return []string{r.Encoder, r.Tap, r.Set, strconv.Itoa(r.Point), strconv.Itoa(r.Units), number(r.Score)}
	})
}

func (s *Scores) writeHeldOut(w io.Writer) error {
	header := []string{"encoder", "tap", "depth", "points", "units", "top_units", "by_members", "share", "lo", "hi", "p_binomial", "p", "owners"}
	return writeTable(w, header, s.HeldOut, func(r HeldOut) []string {
		m := r.Members
		return []string{r.Encoder, r.Tap, strconv.Itoa(r.Depth), strconv.Itoa(r.Points), strconv.Itoa(r.Units), strconv.Itoa(m.N), strconv.Itoa(m.K),
			number(m.Share), number(m.Lo), number(m.Hi), number(m.P), number(r.P), strconv.Itoa(r.Owners)}
	})
}

func (s *Scores) writeTapChanges(w io.Writer) error {
	return writeTable(w, []string{"tap", "depth", "set", "kind", "mean", "se", "lo", "hi", "n"}, s.TapChanges, func(r TapChange) []string {
		return append([]string{r.Tap, strconv.Itoa(r.Depth), r.Set, r.Kind}, r.Stat.fields()...)
	})
}

func (s *Scores) writeUnitChanges(w io.Writer) error {
	return writeTable(w, []string{"tap", "unit", "set", "mean", "size"}, s.UnitChanges, func(r UnitChange) []string {
		return []string{r.Tap, strconv.Itoa(r.Unit), r.Set, number(r.Mean), number(r.Size)}
	})
}

func (s *Scores) writeAlignments(w io.Writer) error {
	header := []string{"tap", "depth", "set", "score", "se", "lo", "hi", "n", "rows", "rows_se", "rows_lo", "rows_hi"}
	return writeTable(w, header, s.Alignments, func(r AlignmentScore) []string {
		return slices.Concat([]string{r.Tap, strconv.Itoa(r.Depth), r.Set}, r.Stat.fields(), r.Rows.fields()[:4])
	})
}
