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
	conv := func(id string, width int) *Conv2D {
		from := in
		in = o.channels(width)
		return NewConv2D("conv"+id, ConvConfig{In: from, Out: in, Kernel: 3, Pad: 1}, seed)
	}
	// plain returns the layers conv<id>, bn<id>, relu<id>; pooled has pool<id>
	// behind them.
	plain := func(id string, width int) Sequential {
		return Sequential{conv(id, width), newNormReLU(o, "bn"+id, "relu"+id, in)}
	}
	pooled := func(id string, width int) Sequential {
		if o.Norm != NormBatch {
			return append(plain(id, width), NewPool2D("pool"+id, PoolConfig{Max: true, Kernel: 2}))
		}
		c := conv(id, width)
		l := NewBNReLUPool("bn"+id, "relu"+id, "pool"+id, in)
		l.bn = newBatchNorm(o, "bn"+id, in)
		return Sequential{c, l}
	}
	return Sequential{
		pooled("1", 32),
		pooled("2_0", 64),
		&Residual{"res2", Sequential{plain("2_1", 64), plain("2_2", 64)}},
		pooled("3", 128),
		pooled("4_0", 256),
		&Residual{"res4", Sequential{plain("4_1", 256), plain("4_2", 256)}},
		&GlobalPool{"head", o.Pool == "max"},
	}
}
