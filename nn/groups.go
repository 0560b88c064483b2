package nn

import (
	"fmt"
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

// TapGroups returns the groups that there are. Rows named after a convolution
// are its output, before batch norm and ReLU.
func TapGroups() []TapGroup {
	return []TapGroup{
		{"T1", "resnet9", "", rowsOf("conv1 conv1, conv2 conv2_0, conv3 conv2_1, conv4 conv2_2, Res2 res2, " +
			"conv5 conv3, conv6 conv4_0, conv7 conv4_1, conv8 conv4_2, Res6 res4")},
		{"T15", "resnet18", StemImageNet, resNetRows([4]int{2, 2, 2, 2}, 2)},
		{"T16", "resnet34", StemImageNet, resNetRows([4]int{3, 4, 6, 3}, 2)},
		{"T17", "resnet50", StemImageNet, resNetRows([4]int{3, 4, 6, 3}, 3)},
		{"T18", "resnet9", "", resNet9Rows()},
	}
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

// resNetRows are the rows of Tables 15 to 17: the convolutions of the four
// stages, which they call conv2 to conv5 and number throughout.
func resNetRows(layers [4]int, convs int) []GroupRow {
	rows := rowsOf("conv1 conv1, pool maxpool")
	for stage, blocks := range layers {
		for i := range blocks * convs {
			rows = append(rows, GroupRow{
				fmt.Sprintf("conv%d-%d", stage+2, i+1),
				fmt.Sprintf("layer%d.%d.conv%d", stage+1, i/convs, i%convs+1),
			})
		}
	}
	return append(rows, rowsOf("avgpool avgpool, fc , softmax ")...)
}

// resNet9Rows are those of Table 18: everything but the ReLUs.
func resNet9Rows() (rows []GroupRow) {
	for i, id := range strings.Fields("1 2_0 2_1 2_2 3 4_0 4_1 4_2") {
		rows = append(rows, GroupRow{fmt.Sprintf("conv%d", i+1), "conv" + id}, GroupRow{fmt.Sprintf("BN%d", i+1), "bn" + id})
		switch id {
		case "1", "2_0", "3", "4_0":
			rows = append(rows, GroupRow{fmt.Sprintf("MaxPool%d", i+1), "pool" + id})
		case "2_2":
			rows = append(rows, GroupRow{"Res2", "res2"})
		case "4_2":
			rows = append(rows, GroupRow{"Res6", "res4"})
		}
	}
	return append(rows, rowsOf("head head, FC ")...)
}
