package nn

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// TapGroup says which taps make the rows of one of the paper's tables (arXiv
// 2409.19069).
type TapGroup struct {
	Name    string // as T17 for Table 17
	Encoder string // whose taps it names
	// Stem is the one of the paper's network; with the other the rows of its
	// pool are missing.
	Stem string
	Rows []GroupRow
}

// GroupRow is a row of a table.
type GroupRow struct {
	Label string // in the table
	// Tap is empty for rows of the classifier (fc, softmax), which encoders here
	// do not have.
	Tap string
}

// TapGroups returns the groups of all registered encoders, T1 before T10. Rows named
// after a convolution are its output, before batch norm and ReLU.
func TapGroups() []TapGroup {
	var all []TapGroup
	for _, name := range EncoderNames() {
		all = append(all, named(name).Groups...)
	}
	slices.SortStableFunc(all, func(a, b TapGroup) int {
		return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), strings.Compare(a.Name, b.Name))
	})
	return all
}

// FindTapGroup returns the group of that name, in capitals or not. The error
// says which there are.
func FindTapGroup(name string) (TapGroup, error) {
	var names []string
	for _, g := range TapGroups() {
		if strings.EqualFold(g.Name, name) {
			return g, nil
		}
		names = append(names, fmt.Sprintf("%s (%s)", g.Name, g.Encoder))
	}
	return TapGroup{}, fmt.Errorf("group: found %q, expected one of: %s", name, strings.Join(names, ", "))
}

// rowsOf reads "label tap, label tap, ...".
func rowsOf(list string) (rows []GroupRow) {
	for row := range strings.SplitSeq(list, ", ") {
		label, tap, _ := strings.Cut(row, " ")
		rows = append(rows, GroupRow{label, tap})
	}
	return rows
}
