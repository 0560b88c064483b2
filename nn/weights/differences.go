package weights

import (
	"fmt"
	"slices"
	"strings"

	"github.com/locimem/locimem/tensor"
)

// differences collects what a file has otherwise than a network, a line each.
type differences struct {
	path  string
	lines []string
}

// compare notes if the tensor of that name is not there, or not as it must be to
// become the value v of a parameter.
func (d *differences) compare(f *File, name string, v *tensor.Tensor) {
	want := v.Shape()
	if len(want) == 4 {
		want = []int{want[3], want[2], want[0], want[1]}
	}
	e, ok := f.entries[name]
	switch {
	case !ok:
		d.add("missing: %s, expected shape %v", name, want)
	case !slices.Equal(e.shape, want):
		d.add("wrong: %s, found shape %v, expected %v", name, e.shape, want)
	case floats[e.dtype] == nil:
		d.add("wrong: %s, found type %s, expected %s", name, e.dtype, floatNames())
	}
}

// unknown notes a tensor that the network has no use for.
func (d *differences) unknown(f *File, name string) {
	d.add("unknown: %s, found shape %v", name, f.entries[name].shape)
}

func (d *differences) add(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// err returns all differences as one error, nil if there is none.
func (d *differences) err() error {
	if d.lines == nil {
		return nil
	}
	return fmt.Errorf("%s: the weights are not those of this network:\n  %s", d.path, strings.Join(d.lines, "\n  "))
}
