package nn

// resNet9 is the encoder of "Localizing Memorization in SSL Vision Encoders"
// (arXiv 2409.19069), Tables 8 and 18: eight 3x3 convolutions with bias, each
// followed by batch norm and ReLU; 2x2 max pools after the first, second, fifth
// and sixth; a sum after the fourth and the eighth. It has 1,644,672 parameters
// at width 1. On 32x32 images the last map is 2x2x256.
//
// Taps relu2_2 and relu4_2 come before the sums res2 and res4, which are
// out = x + relu(bn(conv(...))) with no ReLU behind.
func resNet9(o EncoderOptions, seed uint64) Sequential {
	in := o.InC
	// conv returns the layers conv<id>, bn<id>, relu<id>.
	conv := func(id string, width int) Sequential {
		out := o.channels(width)
		s := Sequential{
			NewConv2D("conv"+id, ConvConfig{In: in, Out: out, Kernel: 3, Pad: 1}, seed),
			NewBNReLU("bn"+id, "relu"+id, out),
		}
		in = out
		return s
	}
	pool := func(id string) Layer { return NewPool2D("pool"+id, PoolConfig{Max: true, Kernel: 2}) }
	return Sequential{
		conv("1", 32), pool("1"),
		conv("2_0", 64), pool("2_0"),
		&Residual{"res2", Sequential{conv("2_1", 64), conv("2_2", 64)}},
		conv("3", 128), pool("3"),
		conv("4_0", 256), pool("4_0"),
		&Residual{"res4", Sequential{conv("4_1", 256), conv("4_2", 256)}},
		&GlobalPool{"head", o.Pool == "max"},
	}
}
