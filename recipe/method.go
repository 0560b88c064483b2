package recipe

import (
	"errors"
	"reflect"
	"strings"

	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/ssl"
)

// Method is the objective: its name and, next to it in the file, its settings.
//
// A file may give any setting of any registered method, and the last word on the name
// may come later. So while a recipe is read it holds the settings of all methods, and
// a setting goes to all that have one of that name. Afterwards only those of the named
// method are left: they alone are checked, hashed and written.
type Method struct {
	// Name is one of ssl.Names.
	Name string `yaml:"name"`
	// Config holds the settings, a struct of package ssl or of whoever registered the
	// method; nil where there is no method of that name.
	Config ssl.Config       `yaml:"-"`
	all    []methodSettings // while a recipe is read
}

// methodSettings are those of one method: a pointer to the struct of its Config.
type methodSettings struct {
	name   string
	config any
}

// open gives the section the settings of all methods, at their defaults.
func (m *Method) open() {
	m.Config, m.all = nil, nil
	for _, k := range ssl.Kinds() {
		m.all = append(m.all, methodSettings{k.Name, pointer(k.Config)})
	}
}

// pointer returns a pointer to a copy of a struct.
func pointer(of any) any {
	p := reflect.New(reflect.TypeOf(of))
	p.Elem().Set(reflect.ValueOf(of))
	return p.Interface()
}

// value is the Config of some settings.
func (s *methodSettings) value() ssl.Config {
	return reflect.ValueOf(s.config).Elem().Interface().(ssl.Config)
}

// copy returns a section whose settings can be changed by themselves.
func (m Method) copy() Method {
	all := make([]methodSettings, len(m.all))
	for i, s := range m.all {
		all[i] = methodSettings{s.name, pointer(s.value())}
	}
	m.all = all
	return m
}

// mask sets what the preset masking stands for, of all methods that hide something.
func (m *Method) mask() {
	for i := range m.all {
		if k, ok := m.all[i].value().(ssl.Masker); ok {
			m.all[i].config = pointer(k.Masked())
		}
	}
}

// close leaves only the settings of the named method.
func (m *Method) close() {
	for _, s := range m.all {
		if s.name == m.Name {
			m.Config = s.value()
		}
	}
	m.all = nil
}

// Inline implements settings.Inliner: the settings are fields of the section.
func (m Method) Inline() []any {
	if m.Config != nil {
		return []any{m.Config}
	}
	var all []any
	for _, s := range m.all {
		all = append(all, s.config)
	}
	return all
}

// methodSetup is what is known of a training before there are images and an encoder of
// full width. The encoder is nil where the recipe's is none.
func (r *Recipe) methodSetup() ssl.Setup {
	s := ssl.Setup{Batch: r.Train.Batch, Parts: r.Train.Accumulate, Epochs: r.Train.Epochs}
	s.Shape[0], s.Shape[1], s.Shape[2] = r.ImageShape()
	return s
}

// Views returns what makes each view of an image that the method takes.
func (r *Recipe) Views() []augment.Config {
	if r.Method.Config == nil {
		return nil
	}
	second := r.Augment
	if r.Augment.Second != nil {
		second = r.Augment.Second.Over(r.Augment)
	}
	return r.Method.Config.Views(r.Augment, second, r.methodSetup())
}

// method checks the method's settings.
func (r *Recipe) method(c *checker) {
	m, before := r.Method, len(c.Problems)
	c.oneOf("method.name", m.Name, ssl.Names()...)
	if m.Config == nil {
		return
	}
	s := r.methodSetup()
	if enc, err := r.narrowEncoder(); err == nil {
		s.Encoder = enc
	}
	// What is wrong with the encoder is a problem of another section.
	var own []error
	for _, err := range list(m.Config.Validate(s)) {
		if msg, ok := strings.CutPrefix(err.Error(), "encoder: "); ok {
			c.problem("encoder.name", "%q for method %s: %s", r.Encoder.Name, m.Name, msg)
		} else {
			own = append(own, err)
		}
	}
	c.errs("method", errors.Join(own...))
	if k, _ := ssl.Lookup(m.Name); k.WholeBatch && r.Train.Accumulate > 1 {
		c.problem("train.accumulate", "want 1: method %s takes whole batches only, found %d", m.Name, r.Train.Accumulate)
	}
	if len(c.Problems) == before {
		r.otherViews(c)
	}
}

// otherViews checks views of another size than the images', if the first is right.
func (r *Recipe) otherViews(c *checker) {
	if r.Augment.Validate() != nil {
		return
	}
	h, w, channels := r.ImageShape()
	var last augment.Config
	for _, v := range r.Views() {
		if v.Size == [2]int{} || reflect.DeepEqual(v, last) {
			continue
		}
		_, err := augment.New(v, h, w, channels)
		c.errs("augment", err)
		last = v
	}
}

// narrowEncoder is the narrowest encoder of its kind, which costs nothing. The
// error says what is wrong with the encoder.
func (r *Recipe) narrowEncoder() (nn.Encoder, error) {
	o := r.Encoder.Options(r.ImageShape())
	o.Width, o.Heads = 1e-9, 0 // heads need not divide so narrow a token
	return nn.NewEncoder(r.Encoder.Name, o, 0)
}
