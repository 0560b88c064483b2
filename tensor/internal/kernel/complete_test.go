package kernel

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
)

// missingKernels names the functions of generic, a struct of functions and of
// structs of functions, that have is without.
func missingKernels(generic, have reflect.Value) []string {
	var names []string
	for i := range generic.NumField() {
		name, g, h := generic.Type().Field(i).Name, generic.Field(i), have.Field(i)
		switch {
		case g.Kind() == reflect.Struct:
			names = append(names, missingKernels(g, h)...)
		case g.Kind() == reflect.Func && !g.IsNil() && h.IsNil():
			names = append(names, name)
		}
	}
	return names
}

// Every implementation that is built in has every kernel that generic has, whether
// or not this CPU can run it. There are no exceptions: nobody asks whether a kernel is
// there before calling it, and one without assembly names the generic function.
func TestImplementationsAreComplete(t *testing.T) {
	check := func(impl string, generic, have any) {
		assert.Empty(t, missingKernels(reflect.ValueOf(generic), reflect.ValueOf(have)),
			"%s has no such kernel; it may name the generic function", impl)
	}
	for _, k := range All() {
		check(k.Name, generic, *k)
		assert.Positive(t, min(k.MR, k.NR), "%s: the size of its tile", k.Name)
	}
	for _, k := range AllBF16() {
		check(k.Name, bf16Generic, *k)
		assert.Positive(t, min(k.MR, k.NR), "%s: the size of its tile", k.Name)
	}
}

func TestMissingKernelsAreFound(t *testing.T) {
	assert.Len(t, missingKernels(reflect.ValueOf(generic), reflect.ValueOf(Impl{})), functions(reflect.TypeFor[Impl]()),
		"generic has every kernel")
	k := generic
	k.Deal, k.GELUGrad, k.WinogradTransform = nil, nil, nil
	assert.Equal(t, []string{"Deal", "GELUGrad", "WinogradTransform"},
		missingKernels(reflect.ValueOf(generic), reflect.ValueOf(k)))
	b := bf16Generic
	b.Pair = nil
	assert.Equal(t, []string{"Pair"}, missingKernels(reflect.ValueOf(bf16Generic), reflect.ValueOf(b)))
}

// functions counts the fields of a struct, and of the structs in it, that are
// functions.
func functions(t reflect.Type) int {
	n := 0
	for i := range t.NumField() {
		switch f := t.Field(i).Type; f.Kind() {
		case reflect.Struct:
			n += functions(f)
		case reflect.Func:
			n++
		}
	}
	return n
}
