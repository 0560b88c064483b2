package weights

import (
	"fmt"
	"slices"
	"strings"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// NoPrefix asks LoadEncoder for the names as they are.
const NoPrefix = "."

// Loaded says what LoadEncoder took from a file.
type Loaded struct {
	Scheme  string            // whose names they were, see Schemes
	Prefix  string            // what stood before the names
	LeftOut []string          // tensors that are no part of the encoder, in order
	Meta    map[string]string // of the file
}

// LoadEncoder sets the parameters of an encoder from a file of this program or of
// another one, which may hold more than the encoder.
//
// The rule: names are taken as a Scheme has them, behind one common prefix that
// ends with a dot, whatever it says (module., backbone., module.encoder_q., ...),
// or behind none. The prefix is found: it is the one behind which all parameters
// are there. If there are several (an online and a target encoder, say), the
// error lists them and prefix must name one, NoPrefix being the empty one.
//
// Behind the prefix there may be heads, whose first word is one of Heads, and
// PyTorch's counters num_batches_tracked; any other name is an error. What does
// not have the prefix, and heads, are left out, and Loaded lists them. On any
// error params are as they were; names that are missing, unknown or of another
// shape are listed in full, one a line.
func LoadEncoder(path string, params []*nn.Param, prefix string) (*Loaded, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.meta[kindKey] == kindState {
		return nil, fmt.Errorf("%s: holds the state of a checkpoint, expected weights", path)
	}
	c, err := f.find(params, prefix)
	if err != nil {
		return nil, err
	}
	leftOut, err := f.matchNames(params, c)
	if err != nil {
		return nil, err
	}
	if err := f.set(params, func(ours string) string { return c.prefix + c.scheme.theirs(ours) }, true); err != nil {
		return nil, err
	}
	return &Loaded{Scheme: c.scheme.name, Prefix: c.prefix, LeftOut: leftOut, Meta: f.Meta()}, nil
}

// Note says in a line what LoadEncoder did beside taking all names as they are;
// "" if nothing.
func (l *Loaded) Note() string {
	var parts []string
	if l.Prefix != "" {
		parts = append(parts, "took the names behind "+l.Prefix)
	}
	if l.Scheme != schemes[0].name {
		parts = append(parts, "names of "+l.Scheme)
	}
	if n := len(l.LeftOut); n > 0 {
		const most = 6
		list := strings.Join(l.LeftOut[:min(n, most)], ", ")
		if n > most {
			list += ", ..."
		}
		parts = append(parts, fmt.Sprintf("left out %d tensors: %s", n, list))
	}
	return strings.Join(parts, "; ")
}

// set reads all values and then sets params. With finite, NaN and infinite values
// are an error: scores would tell only that some layer puts such out.
func (f *File) set(params []*nn.Param, theirs func(ours string) string, finite bool) (err error) {
	values := make([]*tensor.Tensor, len(params))
	for i, p := range params {
		if values[i], err = f.Tensor(theirs(p.Name)); err != nil {
			return err
		}
		if at := slices.IndexFunc(values[i].Data(), notFinite); finite && at >= 0 {
			return fmt.Errorf("%s: tensor %q: value %d is %g, expected finite numbers",
				f.path, theirs(p.Name), at, values[i].Data()[at])
		}
		if values[i].Rank() == 4 {
			values[i] = FromOIHW(values[i])
		}
	}
	for i, p := range params {
		p.Value.CopyFrom(values[i].Data())
	}
	return nil
}

// notFinite tells whether v is NaN or infinite.
func notFinite(v float32) bool { return v-v != 0 }

// candidate is a way to read the names of a file.
type candidate struct {
	scheme *scheme
	prefix string
	found  int // parameters whose name the file has
}

// find returns the one complete candidate or, if there is none, the one that has
// most parameters, so that the error can be told from there.
func (f *File) find(params []*nn.Param, prefix string) (candidate, error) {
	all := f.candidates(params)
	if prefix != "" {
		want := strings.TrimPrefix(prefix, NoPrefix)
		if want != "" && !strings.HasSuffix(want, ".") {
			want += "."
		}
		all = slices.DeleteFunc(all, func(c candidate) bool { return c.prefix != want })
		if len(all) == 0 {
			return candidate{&schemes[0], want, 0}, nil
		}
	}
	best := candidate{scheme: &schemes[0]}
	var complete []string
	for _, c := range all {
		if c.found == len(params) {
			complete = append(complete, fmt.Sprintf("%q", c.prefix))
		}
		if c.found > best.found {
			best = c
		}
	}
	if len(complete) > 1 {
		return best, fmt.Errorf("%s: holds %d encoders, behind the prefixes %s: choose one (%q is none)",
			f.path, len(complete), strings.Join(complete, ", "), NoPrefix)
	}
	return best, nil
}

// candidates returns every scheme and prefix behind which there is a parameter,
// by scheme and prefix.
func (f *File) candidates(params []*nn.Param) []candidate {
	var all []candidate
	for i := range schemes {
		theirs := map[string]bool{}
		for _, p := range params {
			theirs[schemes[i].theirs(p.Name)] = true
		}
		if theirs[""] {
			continue // another kind of network
		}
		found := map[string]int{}
		for name := range f.entries {
			for at := 0; ; {
				if theirs[name[at:]] {
					found[name[:at]]++
				}
				dot := strings.IndexByte(name[at:], '.')
				if dot < 0 {
					break
				}
				at += dot + 1
			}
		}
		for prefix, n := range found {
			all = append(all, candidate{&schemes[i], prefix, n})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		if a.scheme != b.scheme {
			return strings.Compare(a.scheme.name, b.scheme.name)
		}
		return strings.Compare(a.prefix, b.prefix)
	})
	return all
}

// matchNames compares the file with params under the names of c and returns what
// is no part of the encoder.
func (f *File) matchNames(params []*nn.Param, c candidate) (leftOut []string, err error) {
	d := differences{path: f.path}
	known := map[string]bool{}
	for _, p := range params {
		name := c.prefix + c.scheme.theirs(p.Name)
		known[name] = true
		d.compare(f, name, p.Value)
	}
	for _, name := range f.Names() {
		rest, behind := strings.CutPrefix(name, c.prefix)
		word, _, _ := strings.Cut(rest, ".")
		layer, counter := strings.CutSuffix(name, ".num_batches_tracked")
		switch {
		case known[name], counter && known[layer+".running_mean"]:
		case !behind, slices.Contains(heads, word):
			leftOut = append(leftOut, name)
		default:
			d.unknown(f, name)
		}
	}
	return leftOut, d.err()
}
