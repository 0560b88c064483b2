package run

import "github.com/locimem/locimem/data"

// reportData says what a reader of the scores should know about the data: files left
// out, equal images in different sets.
func (l *Lab) reportData(rep Reporter) {
	for _, n := range data.Notes(l.Train, l.Test, l.Split) {
		rep.Printf("warning: data: %s", n)
	}
}
