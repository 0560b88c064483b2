package augment

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func ptr[T any](v T) *T { return &v }

func TestOverrideChangesWhatIsGiven(t *testing.T) {
	base := SimCLR()
	var none *Override
	assert.Equal(t, base, none.Over(base))
	assert.Equal(t, base, (&Override{}).Over(base))
	o := &Override{Gray: ptr(0.7), Solarize: ptr(0.2)}
	o.Blur.P, o.Crop.Scale = ptr(0.1), &[2]float64{0.4, 0.6}
	want := base
	want.Gray, want.Solarize, want.Blur.P, want.Crop.Scale = 0.7, 0.2, 0.1, [2]float64{0.4, 0.6}
	assert.Equal(t, want, o.Over(base))

	assert.Nil(t, none.Beside(base))
	assert.Nil(t, (&Override{Flip: &base.Flip}).Beside(base), "what is the same is no difference")
	o.Flip = ptr(base.Flip)
	beside := o.Beside(base)
	require.NotNil(t, beside)
	assert.Nil(t, beside.Flip)
	assert.Equal(t, want, beside.Over(base))
}

// Every field of an Override is one of a Config, of the type that it points to,
// and of a Config only what all views share is missing.
func TestOverrideHasTheFieldsOfConfig(t *testing.T) {
	var names func(reflect.Type, string) []string
	names = func(s reflect.Type, prefix string) []string {
		var out []string
		for i := range s.NumField() {
			if f := s.Field(i); f.Type.Kind() == reflect.Struct {
				out = append(out, names(f.Type, prefix+f.Name+".")...)
			} else if name := prefix + f.Name; name != "Size" && name != "Mean" && name != "Std" && name != "Second" {
				out = append(out, name+" "+f.Tag.Get("yaml"))
			}
		}
		return out
	}
	assert.Equal(t, names(reflect.TypeFor[Config](), ""), names(reflect.TypeFor[Override](), ""))
}

func TestPresets(t *testing.T) {
	require.Equal(t, []string{"none", "weak", "normal", "strong", "independent", "masking", "lightly", "solo",
		"solo-asymmetric"}, PresetNames())
	for _, p := range Presets() {
		c := SimCLR()
		c.Size, c.Invert, c.Second = [2]int{20, 20}, 1, &Override{Gray: ptr(1.)}
		c.UsePreset(p.Name)
		require.NoError(t, c.Validate(), p.Name)
		assert.Equal(t, p.Name, c.Preset)
		assert.Equal(t, SimCLR().Std, c.Std, "what is no operation stays")
		assert.Equal(t, [2]int{20, 20}, c.Size)
		assert.NotEqual(t, 1., c.Invert, "all operations are set")
		assert.Equal(t, p.Name == "solo-asymmetric", c.Second != nil)
		assert.Equal(t, p.Name != "none" && p.Name != Masking, c.Random(), p.Name)
		var o Override
		o.UsePreset(p.Name)
		single := c
		single.Preset, single.Second = "", nil
		assert.Equal(t, single, o.Over(c), "an override with a preset is the preset")
		assert.Equal(t, single, (&Override{Preset: p.Name}).Over(c))
		gray := Override{Preset: p.Name, Gray: ptr(0.33)}
		assert.Equal(t, 0.33, gray.Over(c).Gray, "fields beside a preset win")
		_, err := New(c, 32, 32, 3)
		assert.NoError(t, err)
	}
	// What the paper and the libraries say, not what the code does.
	var c Config
	c.UsePreset("weak")
	assert.Equal(t, Jitter{0.9, 0.9, 0.9, 0.5, 0.4}, c.Jitter)
	assert.Equal(t, []float64{0.5, 0, 0.1, 0, 0}, []float64{c.Flip, c.FlipVertical, c.Gray, c.Invert, c.Blur.P})
	c.UsePreset("independent")
	assert.Zero(t, c.Jitter.P)
	assert.Equal(t, []float64{0, 1, 0, 0.2, 0.8}, []float64{c.Flip, c.FlipVertical, c.Gray, c.Invert, c.Blur.P})
	c.UsePreset("solo-asymmetric")
	assert.Equal(t, []float64{0, 0.2}, []float64{c.Solarize, c.Second.Over(c).Solarize})
	before := c
	c.UsePreset("week")
	assert.Equal(t, before, c)
}

func TestRandom(t *testing.T) {
	assert.False(t, None().Random())
	assert.False(t, Config{Flip: 1, FlipVertical: 1, Gray: 1, Invert: 1, Solarize: 1}.Random(), "always the same")
	for _, c := range []Config{{Flip: 0.5}, {FlipVertical: 0.1}, {Gray: 0.2}, {Invert: 0.2}, {Solarize: 0.2},
		{Jitter: Jitter{P: 1}}, {Blur: Blur{P: 1}}, SimCLR()} {
		assert.True(t, c.Random(), "%+v", c)
	}
}
