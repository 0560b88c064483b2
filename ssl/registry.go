package ssl

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/internal/settings"
	"github.com/locimem/locimem/nn"
)

// Config holds the settings of one method: a struct next to the algorithm whose
// fields have yaml tags. In a recipe they stand in section method, next to the name.
//
// A tag hash:"field!=value" makes a field count in a recipe's hash only where another
// field of the struct (or the field itself) has another value; so that a field can be
// added without changing the hash of the recipes that there are.
//
// A tag needs:"field=value|value" or needs:"field!=value" says next to which values of another
// field a field has an effect, needs:"-" that it never has one. A recipe that sets it
// elsewhere is refused.
type Config interface {
	// Validate returns what is wrong with the settings for a training that is described
	// by s, each error as "field: found X, expected Y", several by errors.Join. "encoder"
	// stands for the encoder. What s leaves at zero is not known yet and is not checked.
	Validate(s Setup) error
	// New returns the method. Call it through the function New, which validates first.
	New(s Setup) (Method, error)
	// Views returns what makes each view of an image that the method's Loss takes. first
	// and second are what the recipe says of first and second views; s.Shape is known.
	Views(first, second augment.Config, s Setup) []augment.Config
}

// Setup is what a method is put together for. In Validate, and in tests, fields may be
// missing.
type Setup struct {
	// Encoder is trained. In Validate it may be narrower than the one of the training.
	Encoder nn.Encoder
	// Another returns a second encoder of the same shape, for a teacher.
	Another func() (nn.Encoder, error)
	// Seed initialises the method's own networks.
	Seed uint64
	// Shape is height, width and channels of the images.
	Shape [3]int
	// Classes is the number of classes of the images.
	Classes int
	// PixelVariance returns what the function PixelVariance does of the training images.
	PixelVariance func() float64
	// Batch is the number of images of a step, Parts the number of parts that they go
	// through the networks in.
	Batch, Parts int
	// Epochs is the length of the training. Only Validate knows it.
	Epochs int
	// StepsPerEpoch turns settings in epochs into steps. Only New knows it.
	StepsPerEpoch int
}

// Kind describes a method: what recipes, the trainer and lists need to know of it.
type Kind struct {
	// Name is what method.name says, the Name of its Methods.
	Name string
	// Summary says in a few words what the method learns from, Source which paper it is of.
	Summary, Source string
	// Config holds the defaults of its settings. Recipes hold values of the same type.
	Config Config
	// Teacher says that it needs a second encoder (Setup.Another).
	Teacher bool
	// PerImage says that the loss is a mean over images of which none depends on another,
	// but for batch norm. Such methods can be trained privately.
	PerImage bool
	// Contrastive says that other images of a batch are negatives: copies of an image in
	// one batch would be pushed apart (ContinueOn).
	Contrastive bool
	// WholeBatch says that a batch cannot be taken in parts (StepInParts).
	WholeBatch bool
	// Collapse says what usually makes all projections coincide, Stuck what makes the
	// loss stay at its chance level; "" where a healthy training may stay there.
	Collapse, Stuck string
}

// FixedRater is a Config of a method of which some parameters keep the highest
// learning rate throughout, without warm-up and decay.
type FixedRater interface {
	// FixedRate tells whether the parameter of that name does.
	FixedRate(param string) bool
}

// Masker is a Config of a method that hides parts of an image.
type Masker interface {
	// Masked returns the settings with those that augment.preset masking stands for.
	Masked() Config
}

// kinds holds the registered methods by name.
var kinds = map[string]Kind{}

// Register makes a method known by its name: to recipes, New, the trainer and lists.
// It is for package initialisation, before any recipe is read, and returns k.
// It panics where the name is taken or k cannot be a part of recipes.
func Register(k Kind) Kind {
	if err := k.check(); err != nil {
		panic(fmt.Sprintf("ssl: Register(%q): %v", k.Name, err))
	}
	kinds[k.Name] = k
	return k
}

// check returns why a kind cannot be registered.
func (k *Kind) check() error {
	if _, taken := kinds[k.Name]; taken {
		return fmt.Errorf("name: found one that is taken, expected a new one")
	}
	if k.Name == "" || k.Config == nil || reflect.TypeOf(k.Config).Kind() != reflect.Struct {
		return fmt.Errorf("found name %q and settings %T, expected a name and a struct", k.Name, k.Config)
	}
	for path, t := range fieldTypes(k.Config) {
		if path == "name" {
			return fmt.Errorf("settings: found a field %q, expected other names: it is the method's", path)
		}
		for _, other := range kinds {
			if u := fieldTypes(other.Config)[path]; u != nil && u != t {
				return fmt.Errorf("%s: found a field of type %v, expected %v as in method %s: a recipe may set it before it "+
					"names the method",
					path, t, u, other.Name)
			}
		}
	}
	return nil
}

// fieldTypes returns the types of the settings by their path in a recipe.
func fieldTypes(c Config) map[string]reflect.Type {
	v := reflect.New(reflect.TypeOf(c))
	v.Elem().Set(reflect.ValueOf(c))
	types := map[string]reflect.Type{}
	for _, l := range settings.Leaves(v.Interface()) {
		types[l.Path] = l.Value.Type()
	}
	return types
}

// Kinds returns the registered methods in the order of their names.
func Kinds() []Kind {
	var all []Kind
	for _, name := range Names() {
		all = append(all, kinds[name])
	}
	return all
}

// Names returns the names of the registered methods in alphabetical order.
func Names() []string { return slices.Sorted(maps.Keys(kinds)) }

// Lookup returns the method of that name; ok is false if there is none.
func Lookup(name string) (k Kind, ok bool) {
	k, ok = kinds[name]
	return k, ok
}

// namesOf returns the names of the methods for which a property holds, joined by "or".
func namesOf(has func(Kind) bool) string {
	var names []string
	for _, k := range Kinds() {
		if has(k) {
			names = append(names, k.Name)
		}
	}
	return strings.Join(names, " or ")
}

// New returns the method of that name with these settings; nil ones are its defaults.
// Errors name the field.
func New(name string, c Config, s Setup) (Method, error) {
	k, ok := Lookup(name)
	if !ok {
		return nil, fmt.Errorf("method: found %q, expected one of: %s", name, strings.Join(Names(), ", "))
	}
	if c == nil {
		c = k.Config
	}
	m, err := k.build(c, s)
	if err != nil {
		return nil, fmt.Errorf("method %s: %w", name, err)
	}
	return m, nil
}

// build is New of a kind.
func (k *Kind) build(c Config, s Setup) (Method, error) {
	if found, expected := reflect.TypeOf(c), reflect.TypeOf(k.Config); found != expected {
		return nil, fmt.Errorf("settings: found %v, expected %v", found, expected)
	}
	if s.Encoder == nil {
		return nil, fmt.Errorf("encoder: found none, expected one to train")
	}
	if err := c.Validate(s); err != nil {
		return nil, err
	}
	if k.Teacher && s.Another == nil {
		return nil, fmt.Errorf("another: found none, expected a second encoder for the teacher")
	}
	return c.New(s)
}
