package probe

import (
	"errors"
	"slices"

	"github.com/locimem/locimem/nn"
)

// frozen are parameters that a training leaves as they are.
type frozen struct {
	params []*nn.Param
	hash   string // of them; "" if there are none
}

// errMelted says that something frozen was changed.
var errMelted = errors.New("a frozen layer has changed")

// freezeAllBut freezes all of an encoder but the named layers, nothing if layers
// is nil. The error names a layer that there is not.
func freezeAllBut(enc nn.Encoder, layers []string) (*frozen, error) {
	f := &frozen{}
	if layers == nil {
		return f, nil
	}
	free, err := nn.LayerParams(enc, layers)
	if err != nil {
		return nil, err
	}
	f.params = slices.DeleteFunc(slices.Clone(enc.Params()), func(p *nn.Param) bool { return slices.Contains(free, p) })
	if len(f.params) > 0 {
		f.hash = nn.Hash(f.params)
	}
	for _, p := range f.params {
		p.Value.Freeze()
	}
	return f, nil
}

// others returns the parameters that are not frozen.
func (f *frozen) others(params []*nn.Param) []*nn.Param {
	return slices.DeleteFunc(slices.Clone(params), func(p *nn.Param) bool { return slices.Contains(f.params, p) })
}

// check is an error unless all are as they were, to the last bit.
func (f *frozen) check() error {
	if len(f.params) > 0 && nn.Hash(f.params) != f.hash {
		return errMelted
	}
	return nil
}

// thaw ends it.
func (f *frozen) thaw() {
	for _, p := range f.params {
		p.Value.Thaw()
	}
}
