package augment

import "reflect"

// Override changes some fields of a Config: those that are not null. Size, mean and
// std are no matter of single views and cannot be changed.
type Override struct {
	// Preset names a set that all fields are taken from which are not given here,
	// in place of the Config's; "" is none.
	Preset string `yaml:"preset" hash:"-"`
	Crop   struct {
		Scale *[2]float64 `yaml:"scale"`
		Ratio *[2]float64 `yaml:"ratio"`
	} `yaml:"crop"`
	Flip         *float64 `yaml:"flip"`
	FlipVertical *float64 `yaml:"flip_vertical"`
	Jitter       struct {
		Brightness *float64 `yaml:"brightness"`
		Contrast   *float64 `yaml:"contrast"`
		Saturation *float64 `yaml:"saturation"`
		Hue        *float64 `yaml:"hue"`
		P          *float64 `yaml:"p"`
	} `yaml:"jitter"`
	Gray *float64 `yaml:"gray"`
	Blur struct {
		P      *float64    `yaml:"p"`
		Kernel *int        `yaml:"kernel"`
		Sigma  *[2]float64 `yaml:"sigma"`
	} `yaml:"blur"`
	Solarize          *float64 `yaml:"solarize"`
	SolarizeThreshold *float64 `yaml:"solarize_threshold"`
	Invert            *float64 `yaml:"invert"`
}

// Over returns the configuration of single views: c with the fields that are
// given. It names no preset and no second view. A nil Override changes nothing.
func (o *Override) Over(c Config) Config {
	if o != nil {
		c.UsePreset(o.Preset)
	}
	if c.Preset, c.Second = "", nil; o == nil {
		return c
	}
	each(reflect.ValueOf(o).Elem(), reflect.ValueOf(&c).Elem(), func(field, of reflect.Value) {
		if !field.IsNil() {
			of.Set(field.Elem())
		}
	})
	return c
}

// Beside returns what differs from c: nil if nothing does.
func (o *Override) Beside(c Config) *Override {
	if o == nil {
		return nil
	}
	full, differs := o.Over(c), false
	var d Override
	each(reflect.ValueOf(&d).Elem(), reflect.ValueOf(&full).Elem(),
		func(field, of reflect.Value) { field.Set(pointerTo(of)) })
	each(reflect.ValueOf(&d).Elem(), reflect.ValueOf(&c).Elem(), func(field, of reflect.Value) {
		if field.Elem().Equal(of) {
			field.SetZero()
		} else {
			differs = true
		}
	})
	if !differs {
		return nil
	}
	return &d
}

// overrideOf returns the Override that gives every field the value of a preset, nil if
// there is none of that name.
func overrideOf(name string) *Override {
	p, ok := presetOf(name)
	if !ok {
		return nil
	}
	o := &Override{Preset: name}
	each(reflect.ValueOf(o).Elem(), reflect.ValueOf(&p.first).Elem(),
		func(field, of reflect.Value) { field.Set(pointerTo(of)) })
	return o
}

// each calls f with every field of an Override that is a pointer and the field of
// the same name of a Config.
func each(o, c reflect.Value, f func(field, of reflect.Value)) {
	for i := range o.NumField() {
		switch field, of := o.Field(i), c.FieldByName(o.Type().Field(i).Name); field.Kind() {
		case reflect.Struct:
			each(field, of, f)
		case reflect.Pointer:
			f(field, of)
		}
	}
}

func pointerTo(v reflect.Value) reflect.Value {
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return p
}
