package weights

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/locimem/locimem/nn"
)

// differences collects what a file has otherwise than a network, a line each, and
// what might be done about it.
type differences struct {
	path  string
	lines []string
	notes []string
	// counts by kind
	missing, wrong, unknownNames int
}

// compare notes if the tensors of those names are not there, or not as they must be to
// become the value of a parameter.
func (d *differences) compare(f *File, names []string, p *nn.Param) {
	want := shapeFor(p.Value)
	var shape []int
	for i, name := range names {
		e, ok := f.entries[name]
		if !ok {
			d.missing++
			d.add("missing: %s, expected shape %v", name, part(want, len(names)))
			return
		}
		if floats[e.dtype] == nil {
			d.wrong++
			d.add("wrong: %s, found type %s, expected %s", name, e.dtype, floatNames())
			return
		}
		switch {
		case i == 0:
			shape = slices.Clone(e.shape)
		case len(e.shape) == 0 || len(shape) == 0 || !slices.Equal(shape[1:], e.shape[1:]):
			shape = nil
		default:
			shape[0] += e.shape[0]
		}
	}
	if slices.Equal(shape, want) || p.Name == positions && len(shape) == 3 && shape[0] == 1 && shape[1] == want[1]-1 &&
		shape[2] == want[2] {
		return
	}
	d.wrong++
	d.add("wrong: %s, found shape %v, expected %v%s", strings.Join(names, " + "), shape, want, hint(p.Name, shape,
		want))
}

// part is the shape of one of n tensors that are stacked to one of shape want.
func part(want []int, n int) []int {
	out := slices.Clone(want)
	if n > 1 && len(out) > 0 {
		out[0] /= n
	}
	return out
}

// hint says what would explain another shape of a parameter.
func hint(ours string, found, want []int) string {
	side := func(tokens int) int { return int(math.Round(math.Sqrt(float64(tokens - 1)))) }
	switch {
	case ours == "conv1.weight" && len(found) == 4 && found[2] != want[2] && found[2] == found[3]:
		return fmt.Sprintf("; of a stem with a %dx%d convolution: --stem?", found[2], found[3])
	case ours == "conv1.weight" && len(found) == 4 && found[0] != want[0]:
		return "; --width?"
	case ours == positions && len(found) == 3 && found[2] == want[2] && side(found[1])*side(found[1]) == found[1]-1:
		return fmt.Sprintf("; of %[1]d x %[1]d patches: --set encoder.positions_size=N, %[1]d times the side of a "+
			"patch, brings them to these images", side(found[1]))
	}
	return ""
}

// unknown notes a tensor that the network has no use for.
func (d *differences) unknown(f *File, name string) {
	d.unknownNames++
	d.add("unknown: %s, found shape %v", name, f.entries[name].shape)
	for _, h := range []struct{ word, note string }{
		{".gamma", "a layer scale: --set encoder.layer_scale=1"}, {".lambda1",
			"a layer scale: --set encoder.layer_scale=1"},
		{"fc_norm.weight", "a norm behind the pool: --set encoder.fc_norm=true, mostly with --pool avg"},
		{"reg_token", "registers: --set encoder.registers=N"}, {"register_tokens",
			"registers: --set encoder.registers=N"},
	} {
		if note := "the file has " + h.note; strings.HasSuffix(name, h.word) && !slices.Contains(d.notes, note) {
			d.notes = append(d.notes, note)
		}
	}
}

func (d *differences) add(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// note adds to what might be done.
func (d *differences) note(format string, args ...any) {
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

// err returns the differences as one error, nil if there is none: the first of each
// kind, and the number of all of them.
func (d *differences) err() error {
	if d.lines == nil {
		return nil
	}
	const most = 3 // of a kind
	shown, kinds := []string(nil), map[string]int{}
	for _, line := range d.lines {
		kind, _, _ := strings.Cut(line, ":")
		if kinds[kind]++; kinds[kind] <= most {
			shown = append(shown, line)
		}
	}
	if n := len(d.lines) - len(shown); n > 0 {
		shown = append(shown, fmt.Sprintf("and %d more: %d missing, %d wrong and %d unknown in all", n, d.missing,
			d.wrong, d.unknownNames))
		if d.unknownNames > 0 {
			d.note("--ignore PATTERN leaves tensors out, --rename FROM=TO gives them other names")
		}
	}
	return fmt.Errorf("%s: the weights are not those of this network:\n  %s", d.path, strings.Join(append(shown,
		d.notes...), "\n  "))
}
