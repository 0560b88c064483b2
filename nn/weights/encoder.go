package weights

import (
	"fmt"
	"maps"
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
	// Example is "A for B": the first parameter B whose name is A in the file; "" if
	// all are called as here.
	Example string
	// Ignored and Renamed are the numbers of tensors that the options spoke of.
	Ignored, Renamed int
	// Zeros says that the positions had none for the class token, which was set to 0.
	Zeros bool
	// NormEps is what programs that use these names usually add to variances, where
	// it is not what encoders have here; else 0.
	NormEps float64
}

// LoadEncoder sets the parameters of an encoder from a file of this program or of
// another one, which may hold more than the encoder: safetensors, or the index of
// several (Open).
//
// The rule: names are taken as a scheme has them, behind one common prefix that
// ends with a dot, whatever it says (module., backbone., module.encoder_q., ...),
// or behind none. The prefix is found: it is the one behind which all parameters
// are there. If there are several (an online and a target encoder, say), the
// error lists them and Options.Prefix must name one, NoPrefix being the empty one.
//
// Behind the prefix there may be heads: parts whose first word is one of Heads or,
// if it is no first word of the encoder's names, that consist of linear layers and
// norms; PyTorch's counters num_batches_tracked; and mask tokens. Any other name is
// an error. What does not have the prefix, and heads, are left out, and Loaded lists
// them. On any error params are as they were; the error names some of the tensors
// that are missing, unknown or of another shape and counts the rest.
func LoadEncoder(path string, params []*nn.Param, o Options) (*Loaded, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.meta[kindKey] == kindState {
		return nil, fmt.Errorf("%s: holds the state of a checkpoint, expected weights", path)
	}
	l := &Loaded{Meta: f.Meta()}
	if l.Ignored, l.Renamed, err = f.rewrite(o); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c, err := f.find(params, o.Prefix)
	if err != nil {
		return nil, err
	}
	l.Scheme, l.Prefix, l.NormEps = c.scheme.name, c.prefix, c.scheme.eps
	if l.LeftOut, err = f.matchNames(params, c); err != nil {
		return nil, err
	}
	for i, p := range params {
		if names := c.names[i]; l.Example == "" && (len(names) > 1 || names[0] != c.prefix+p.Name) {
			l.Example = strings.TrimPrefix(strings.Join(names, " + "), c.prefix) + " for " + p.Name
		}
		if p.Name == positions && !slices.Equal(f.entries[c.names[i][0]].shape, p.Value.Shape()) {
			l.Zeros = true
		}
	}
	return l, f.set(params, func(i int) []string { return c.names[i] }, true)
}

// Note says in a line what LoadEncoder did beside taking all names as they are;
// "" if nothing.
func (l *Loaded) Note() string {
	var parts []string
	if l.Prefix != "" {
		parts = append(parts, "took the names behind "+l.Prefix)
	}
	switch {
	case l.Scheme != own:
		parts = append(parts, "names of "+l.Scheme)
	case l.Example != "":
		parts = append(parts, "took "+l.Example+" and the like")
	}
	if n := len(l.LeftOut); n > 0 {
		parts = append(parts, fmt.Sprintf("left out %d tensors: %s", n, some(l.LeftOut)))
	}
	if l.Ignored > 0 {
		parts = append(parts, fmt.Sprintf("ignored %d tensors", l.Ignored))
	}
	if l.Renamed > 0 {
		parts = append(parts, fmt.Sprintf("renamed %d tensors", l.Renamed))
	}
	if l.Zeros {
		parts = append(parts, positions+" has no position for the class token: took 0")
	}
	return strings.Join(parts, "; ")
}

// some lists the first of many names.
func some(names []string) string {
	const most = 6
	list := strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		list += ", ..."
	}
	return list
}

// set reads the values of each parameter, several tensors one after another, and then
// sets params. With finite, NaN and infinite values are an error: scores would tell
// only that some layer puts such out.
func (f *File) set(params []*nn.Param, names func(i int) []string, finite bool) error {
	values := make([][]float32, len(params))
	for i, p := range params {
		for _, name := range names(i) {
			v, err := f.Tensor(name)
			if err != nil {
				return err
			}
			if at := slices.IndexFunc(v.Data(), notFinite); finite && at >= 0 {
				return fmt.Errorf("%s: tensor %q: value %d is %g, expected finite numbers", f.path, name, at,
					v.Data()[at])
			}
			if v.Rank() == 4 {
				v = FromOIHW(v)
			}
			values[i] = append(values[i], v.Data()...)
		}
		if missing := p.Value.Len() - len(values[i]); missing > 0 && p.Name == positions {
			values[i] = append(make([]float32, missing), values[i]...) // of the class token
		}
	}
	for i, p := range params {
		p.Value.CopyFrom(values[i])
	}
	return nil
}

// notFinite tells whether v is NaN or infinite.
func notFinite(v float32) bool { return v-v != 0 }

// candidate is a way to read the names of a file.
type candidate struct {
	scheme *scheme
	prefix string
	found  int        // parameters whose name the file has
	names  [][]string // in the file, of each parameter
}

// find returns the one complete candidate or, if there is none, the one that has
// most parameters, so that the error can be told from there.
func (f *File) find(params []*nn.Param, prefix string) (candidate, error) {
	want := strings.TrimPrefix(prefix, NoPrefix)
	if want != "" && !strings.HasSuffix(want, ".") {
		want += "."
	}
	schemes := schemesFor(f.Names())
	best := f.candidate(&schemes[0], want, params, schemes[0].of(params))
	var complete []candidate
	for i := range schemes {
		ways := schemes[i].of(params)
		counts := f.prefixes(ways)
		for _, p := range slices.Sorted(maps.Keys(counts)) {
			if prefix != "" && p != want || counts[p] < best.found {
				continue
			}
			c := f.candidate(&schemes[i], p, params, ways)
			same := func(o candidate) bool { return slices.EqualFunc(o.names, c.names, slices.Equal[[]string]) }
			if c.found == len(params) && !slices.ContainsFunc(complete, same) {
				complete = append(complete, c)
			}
			if c.found > best.found {
				best = c
			}
		}
	}
	if len(complete) > 1 {
		var list []string
		for _, c := range complete {
			list = append(list, fmt.Sprintf("%q", c.prefix))
		}
		slices.Sort(list)
		list = slices.Compact(list)
		return best, fmt.Errorf("%s: holds %d encoders, behind the prefixes %s: choose one (%q is none)",
			f.path, len(complete), strings.Join(list, ", "), NoPrefix)
	}
	return best, nil
}

// of returns the names that each parameter may have in the scheme; nil if there is one
// that it does not have: then it is of another kind of network.
func (s *scheme) of(params []*nn.Param) [][][]string {
	ways := make([][][]string, len(params))
	for i, p := range params {
		if ways[i] = s.theirs(p.Name); ways[i] == nil {
			return nil
		}
	}
	return ways
}

// prefixes returns what stands before names of a scheme in the file, with their
// number, which is at least that of the parameters found there.
func (f *File) prefixes(ways [][][]string) map[string]int {
	theirs := map[string]bool{}
	for _, of := range ways {
		for _, parts := range of {
			theirs[parts[0]] = true
		}
	}
	counts := map[string]int{}
	for name := range f.entries {
		for at := 0; ; {
			if theirs[name[at:]] {
				counts[name[:at]]++
			}
			dot := strings.IndexByte(name[at:], '.')
			if dot < 0 {
				break
			}
			at += dot + 1
		}
	}
	return counts
}

// candidate looks for every parameter behind a prefix. Of one that is not there it
// takes the likeliest name.
func (f *File) candidate(s *scheme, prefix string, params []*nn.Param, ways [][][]string) candidate {
	c := candidate{scheme: s, prefix: prefix, names: make([][]string, len(params))}
	has := func(name string) bool { _, ok := f.entries[name]; return ok }
	for i, p := range params {
		of := [][]string{{p.Name}}
		if ways != nil {
			of = ways[i]
		}
		for w, way := range of {
			parts := make([]string, len(way))
			there := true
			for k, name := range way {
				parts[k] = prefix + name
				there = there && has(parts[k])
			}
			if w == 0 || there {
				c.names[i] = parts
			}
			if there {
				c.found++
				break
			}
		}
	}
	return c
}

// matchNames compares the file with params under the names of c and returns what
// is no part of the encoder.
func (f *File) matchNames(params []*nn.Param, c candidate) (leftOut []string, err error) {
	d := differences{path: f.path, notes: f.notes()}
	known, first := map[string]bool{}, map[string]bool{}
	word := func(name string) string {
		w, _, _ := strings.Cut(strings.TrimPrefix(name, c.prefix), ".")
		return w
	}
	for i, p := range params {
		for _, name := range c.names[i] {
			known[name], first[word(name)] = true, true
		}
		d.compare(f, c.names[i], p)
	}
	if c.found == 0 {
		d.note("not one name of this network is there; the file's names are %s", some(f.Names()))
	}
	parts := map[string]map[string][]int{} // what is behind the prefix, by first word
	for _, name := range f.Names() {
		if strings.HasPrefix(name, c.prefix) {
			w := word(name)
			if parts[w] == nil {
				parts[w] = map[string][]int{}
			}
			parts[w][name] = f.entries[name].shape
		}
	}
	for _, name := range f.Names() {
		w := word(name)
		layer, counter := strings.CutSuffix(name, ".num_batches_tracked")
		switch {
		case known[name], counter && known[layer+".running_mean"]:
		case !strings.HasPrefix(name, c.prefix), slices.Contains(heads, w), !first[w] && headLike(parts[w]),
			name == maskToken || strings.HasSuffix(name, "."+maskToken):
			leftOut = append(leftOut, name)
		default:
			d.unknown(f, name)
		}
	}
	return leftOut, d.err()
}

// positions is the parameter that may lack the first token's values in a file.
const positions = "pos_embed"

// shapeFor returns the shape that a parameter has in a file.
func shapeFor(v *tensor.Tensor) []int {
	want := v.Shape()
	if len(want) == 4 {
		want = []int{want[3], want[2], want[0], want[1]}
	}
	return want
}

// Meta returns the metadata of a file that Open opens.
func Meta(path string) (map[string]string, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Meta(), nil
}
