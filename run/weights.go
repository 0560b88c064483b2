package run

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/locimem/locimem/internal/npz"
	"github.com/locimem/locimem/internal/settings"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/weights"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/tensor"
)

// Loading says how files of weights are read and what proves that it went well.
type Loading struct {
	weights.Options
	// Check names .npz files with the arrays views and features, which the program that
	// made the weights computed: of f, or of the only encoder, and of g. Features here
	// must agree with them up to Tolerance.
	Check []string
	// Tolerance is the largest difference of a feature allowed, as a share of the root
	// mean square of all.
	Tolerance float64
}

// CheckTolerance is what float32 on different machines needs at most; TensorFloat-32 on
// a GPU may be ten times as far off.
const CheckTolerance = 1e-4

// Encoder sets the weights of an encoder of the recipe for images of that shape from a
// file, tells rep what it did with the names and what it took for granted, and checks
// the features of the encoder of that number (0: f) where a file is given for it. images
// says that the pixels are normalised by the recipe.
func (c *Loading) Encoder(r *recipe.Recipe, enc nn.Encoder, shape [3]int, path string, number int, images bool,
	rep Reporter) (meta map[string]string, err error) {
	l, err := weights.LoadEncoder(path, enc.Params(), c.Options)
	if err != nil {
		return nil, err
	}
	if note := l.Note(); note != "" {
		rep.Printf("note: %s: %s", path, note)
	}
	if l.Meta[metaRecipe] == "" {
		if err := assume(r, shape, path, l.NormEps, images, rep); err != nil {
			return nil, err
		}
	} else if err := contradict(r, shape, path, l.Meta, rep); err != nil {
		return nil, err
	}
	switch {
	case number < len(c.Check):
		err = c.check(r, enc, shape, c.Check[number], rep)
	case len(c.Check) > 0:
		rep.Printf("note: %s is not checked: a second --check FILE is that of g", path)
	}
	return l.Meta, err
}

// assume says what weights of another program do not tell.
func assume(r *recipe.Recipe, shape [3]int, path string, eps float64, images bool, rep Reporter) error {
	line, err := nn.Assumed(r.Encoder.Name, r.Encoder.Options(shape[0], shape[1], shape[2]))
	if err != nil {
		return err
	}
	if images {
		line += "; pixels as they are, 0 to 1"
		if a := r.Augment; len(a.Mean) > 0 {
			line = strings.TrimSuffix(line, "as they are, 0 to 1") + fmt.Sprintf("(x - %v) / %v", a.Mean, a.Std)
		}
	}
	rep.Printf("assumed: %s: %s; --check FILE proves it, --set encoder.FIELD=VALUE changes it", path, line)
	if eps != 0 && r.Encoder.NormEps == 0 {
		rep.Printf("note: programs with these names mostly have the norm eps %g: --set encoder.norm_eps=%g", eps, eps)
	}
	return nil
}

// describe returns, under the names of recipe fields, what an encoder's file says of it:
// the encoder, without auto; what its pixels are normalised by; and image.height, width
// and channels.
func describe(r *recipe.Recipe, h, w, c int) (map[string]string, error) {
	enc, err := r.Encoder.Resolved(h, w, c)
	if err != nil {
		return nil, err
	}
	out := map[string]string{"image.height": fmt.Sprint(h), "image.width": fmt.Sprint(w),
		"image.channels": fmt.Sprint(c)}
	all := *r
	all.Encoder = enc
	for _, l := range settings.Leaves(&all) {
		if strings.HasPrefix(l.Path, "encoder.") && l.Path != "encoder.drop_path" || l.Path == "augment.mean" ||
			l.Path == "augment.std" {
			out[l.Path] = settings.Text(l.Value)
		}
	}
	return out, nil
}

// contradict says where a file made here describes another encoder than the recipe.
func contradict(r *recipe.Recipe, shape [3]int, path string, meta map[string]string, rep Reporter) error {
	want, err := describe(r, shape[0], shape[1], shape[2])
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if was, told := meta[key]; told && was != want[key] && !strings.HasPrefix(key, "image.") {
			rep.Printf("warning: %s says %s=%s, found %s", path, key, was, want[key])
		}
	}
	return nil
}

// FileSettings returns the assignments to recipe fields that describe the encoder in a
// file that was written here, and the size of its images; none of another file, or an
// older one.
func FileSettings(path string) (sets []string, size [2]int, err error) {
	meta, err := weights.Meta(path)
	if err != nil || meta["encoder.name"] == "" {
		return nil, size, err
	}
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		if strings.HasPrefix(key, "encoder.") || key == "augment.mean" || key == "augment.std" {
			sets = append(sets, key+"="+meta[key])
		}
	}
	for i, key := range []string{"image.height", "image.width"} {
		if _, err := fmt.Sscan(meta[key], &size[i]); err != nil {
			return nil, size, fmt.Errorf("%s: metadata: %s: found %q, expected a number", path, key, meta[key])
		}
	}
	return sets, size, nil
}

// checkArrays are views and what another program's encoder made of them.
type checkArrays struct {
	path     string
	views    *tensor.Tensor // [n,H,W,C]
	features []float32      // [n,d]
	rms      float64        // of features
}

// readCheck reads views, points x views x H x W x C or views x H x W x C, or with the
// channels before H and W, and features, one row a view, and checks their shapes
// against those of an encoder.
func readCheck(path string, shape [3]int, d int) (*checkArrays, error) {
	f, err := npz.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	read := func(name string) (shape []int, v []float32, err error) {
		a, err := f.Array(name)
		if err == nil && a.DType > npz.Float64 {
			err = fmt.Errorf("%s: array %q: found values of type %s, expected float16, float32 or float64", path,
				name, a.DType)
		}
		if err == nil {
			shape = a.Shape
			v, err = npz.ReadAll[float32](a)
		}
		if at := slices.IndexFunc(v, func(x float32) bool { return x-x != 0 }); err == nil && at >= 0 {
			err = fmt.Errorf("%s: array %q: value %d is %g, expected finite numbers", path, name, at, v[at])
		}
		return shape, v, err
	}
	vs, views, err := read("views")
	if err != nil {
		return nil, err
	}
	c := &checkArrays{path: path}
	h, w, ch := shape[0], shape[1], shape[2]
	rank := len(vs)
	switch n := len(views) / (h * w * ch); {
	case rank < 4 || rank > 5 || n == 0:
	case slices.Equal(vs[rank-3:], []int{h, w, ch}):
		c.views = tensor.FromSlice(views, n, h, w, ch)
	case slices.Equal(vs[rank-3:], []int{ch, h, w}):
		npz.ChannelsLast(views, h*w, ch)
		c.views = tensor.FromSlice(views, n, h, w, ch)
	}
	if c.views == nil {
		return nil,
			fmt.Errorf("%s: array \"views\": found shape %v, expected views x %d x %d x %d or views x %d x %d x %d, as the "+
				"encoder takes images", path, vs, h, w, ch, ch, h, w)
	}
	fs, features, err := read("features")
	if err != nil {
		return nil, err
	}
	for len(fs) > 2 && fs[len(fs)-1] == 1 { // of a pool without flattening
		fs = fs[:len(fs)-1]
	}
	if len(fs) < 2 || fs[len(fs)-1] != d || len(features) != c.views.Dim(0)*d {
		return nil,
			fmt.Errorf("%s: array \"features\": found shape %v, expected %d x %d, what the encoder makes of the views", path,
				fs, c.views.Dim(0), d)
	}
	c.features = features
	for _, v := range features {
		c.rms += float64(v) * float64(v) / float64(len(features))
	}
	if c.rms = math.Sqrt(c.rms); c.rms == 0 {
		return nil, fmt.Errorf("%s: array \"features\": found only zeros", path)
	}
	return c, nil
}

// difference returns the largest difference between the features of the first n views
// and those of an encoder, as a share of the root mean square of the former; +Inf if
// the latter are not finite.
func (c *checkArrays) difference(e *tensor.Engine, enc nn.Encoder, n int) float64 {
	const batch = 16
	size, d, worst := c.views.Len()/c.views.Dim(0), enc.OutDim(), 0.0
	for first := 0; first < n; first += batch {
		m := min(batch, n-first)
		tape := e.NewTape(tensor.Inference)
		x := tensor.FromSlice(c.views.Data()[first*size:][:m*size], append([]int{m}, c.views.Shape()[1:]...)...)
		for i, v := range enc.Forward(&nn.Context{Tape: tape}, x).Data() {
			off := math.Abs(float64(v) - float64(c.features[first*d+i]))
			if math.IsNaN(off) {
				off = math.Inf(1)
			}
			worst = max(worst, off)
		}
		tape.Release()
	}
	return worst / c.rms
}

// check compares the features of an encoder with those in a file. Where they differ, it
// looks for other facts that weights do not tell with which they agree.
func (c *Loading) check(r *recipe.Recipe, enc nn.Encoder, shape [3]int, path string, rep Reporter) error {
	a, err := readCheck(path, shape, enc.OutDim())
	if err != nil {
		return err
	}
	e, err := tensor.NewEngine(tensor.Options{Threads: r.Train.Threads})
	if err != nil {
		return err
	}
	defer e.Close()
	tolerance := cmp.Or(c.Tolerance, CheckTolerance)
	n := a.views.Dim(0)
	off := a.difference(e, enc, n)
	what := fmt.Sprintf("%s: features of %d views: largest difference %.2g of their root mean square", path, n, off)
	if off <= tolerance {
		rep.Printf("check: %s, at most %g: loaded as it was", what, tolerance)
		return nil
	}
	what += fmt.Sprintf(", expected at most %g", tolerance)
	best, nearest := off, ""
	for _, v := range variants(r.Encoder, shape) {
		other, err := nn.NewEncoder(r.Encoder.Name, v.encoder.Options(shape[0], shape[1], shape[2]), 0)
		if err != nil || nn.Copy(other.Params(), enc.Params()) != nil || other.OutDim() != enc.OutDim() {
			continue
		}
		if off := a.difference(e, other, min(n, 8)); off < best {
			best, nearest = off, v.sets
		}
		if best <= tolerance {
			return fmt.Errorf("check: %s; with %s it is %.2g", what, nearest, best)
		}
	}
	if best < off/2 {
		return fmt.Errorf("check: %s; nearest is %s with %.2g", what, nearest, best)
	}
	return errors.New("check: " + what +
		"; no other stem, pool, eps or number of heads is nearer: are the views normalised, and the network in " +
		"evaluation mode?")
}

// variant is an encoder with the same weights and other facts.
type variant struct {
	encoder recipe.Encoder
	sets    string // flags that make it
}

// variants returns encoders that the same weights fit, those of fewer changes first.
func variants(base recipe.Encoder, shape [3]int) []variant {
	was, err := base.Resolved(shape[0], shape[1], shape[2])
	if err != nil {
		return nil
	}
	type change struct {
		set   string
		apply func(e *recipe.Encoder)
	}
	var groups [][]change
	add := func(field, now string, values []string, apply func(e *recipe.Encoder, i int)) {
		var g []change
		for i, v := range values {
			if v != now {
				g = append(g, change{"--set encoder." + field + "=" + v, func(e *recipe.Encoder) { apply(e, i) }})
			}
		}
		groups = append(groups, g)
	}
	pools := nn.Pools(base.Name)
	add("pool", was.Pool, pools, func(e *recipe.Encoder, i int) { e.Pool = pools[i] })
	if len(nn.Stems(base.Name)) > 0 {
		pads, places := []int{0, 1, 2, 3}, []string{nn.StemPoolMax, nn.StemPoolNone}
		add("stem_padding", fmt.Sprint(*was.StemPadding), []string{"0", "1", "2", "3"}, func(e *recipe.Encoder,
			i int) {
			e.StemPadding = &pads[i]
		})
		add("stem_pool", was.StemPool, places, func(e *recipe.Encoder, i int) { e.StemPool = places[i] })
		add("stem_stride", fmt.Sprint(was.StemStride), []string{"1", "2"}, func(e *recipe.Encoder,
			i int) {
			e.StemStride = i + 1
		})
	}
	eps := []float64{1e-3, 1e-5, 1e-6, 1e-12}
	add("norm_eps", fmt.Sprint(was.NormEps), []string{"0.001", "1e-05", "1e-06", "1e-12"}, func(e *recipe.Encoder,
		i int) {
		e.NormEps = eps[i]
	})
	if was.Heads > 0 {
		heads := []int{1, 2, 3, 4, 6, 8, 12, 16, 24}
		add("heads", fmt.Sprint(was.Heads), strings.Fields(strings.Trim(fmt.Sprint(heads), "[]")),
			func(e *recipe.Encoder, i int) { e.Heads = heads[i] })
	}
	all := []variant{{encoder: was}}
	for _, g := range groups {
		for _, v := range slices.Clone(all) {
			for _, c := range g {
				next := variant{v.encoder, strings.TrimSpace(v.sets + " " + c.set)}
				c.apply(&next.encoder)
				all = append(all, next)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b variant) int {
		return cmp.Compare(strings.Count(a.sets, "--"),
			strings.Count(b.sets, "--"))
	})
	return slices.DeleteFunc(all[1:], func(v variant) bool { return strings.Count(v.sets, "--") > 3 })
}
