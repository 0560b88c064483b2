package nn

import "fmt"

// Fresh returns another encoder with the architecture of enc, initialised from
// seed. It fails for encoders that NewEncoder did not make.
func Fresh(enc Encoder, seed uint64) (Encoder, error) {
	f, ok := enc.(interface {
		fresh(seed uint64) (Encoder, error)
	})
	if !ok {
		return nil, fmt.Errorf("encoder: found a %T, expected one of NewEncoder", enc)
	}
	return f.fresh(seed)
}

// CloneEncoder returns a copy of enc that shares no memory with it: weights and
// running statistics alike. It fails where Fresh does.
func CloneEncoder(enc Encoder) (Encoder, error) {
	c, err := Fresh(enc, 0)
	if err != nil {
		return nil, err
	}
	return c, Copy(c.Params(), enc.Params())
}
