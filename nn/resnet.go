package nn

import "fmt"

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
		return Sequential{conv(id, width), NewBNReLUPool("bn"+id, "relu"+id, "pool"+id, in)}
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

// The residual networks of He et al. (CVPR 2016, Table 1) with torchvision's
// names and details: convolutions without bias, the stride of a bottleneck on
// its 3x3 convolution, the mean over the last map. layers counts the blocks of
// the four stages.

func resNet18(o EncoderOptions, seed uint64) Sequential {
	return resNet(o, seed, [4]int{2, 2, 2, 2}, false)
}

func resNet34(o EncoderOptions, seed uint64) Sequential {
	return resNet(o, seed, [4]int{3, 4, 6, 3}, false)
}

func resNet50(o EncoderOptions, seed uint64) Sequential {
	return resNet(o, seed, [4]int{3, 4, 6, 3}, true)
}

func resNet(o EncoderOptions, seed uint64, layers [4]int, bottleneck bool) Sequential {
	net := resNetStem(o, seed)
	b := blocks{o: o, seed: seed, in: o.channels(64)}
	for stage, n := range layers {
		width, stride := 64<<stage, 2
		if stage == 0 {
			stride = 1
		}
		for i := range n {
			name := fmt.Sprintf("layer%d.%d", stage+1, i)
			if i > 0 {
				stride = 1
			}
			if bottleneck {
				net = append(net, b.bottleneck(name, width, stride))
			} else {
				net = append(net, b.basic(name, width, stride))
			}
		}
	}
	head := "avgpool"
	if o.Pool == "max" {
		head = "globalmax"
	}
	return append(net, &GlobalPool{head, o.Pool == "max"})
}

// resNetStem is what comes before the first stage. On small images ("cifar") it
// is a 3x3 convolution that keeps their size; "imagenet" quarters it, by a 7x7
// convolution and a 3x3 max pool.
func resNetStem(o EncoderOptions, seed uint64) Sequential {
	width := o.channels(64)
	if o.Stem == StemCIFAR {
		return Sequential{
			NewConv2D("conv1", ConvConfig{In: o.InC, Out: width, Kernel: 3, Pad: 1, NoBias: true}, seed),
			newNormReLU(o, "bn1", "relu", width),
		}
	}
	return Sequential{
		NewConv2D("conv1", ConvConfig{In: o.InC, Out: width, Kernel: 7, Stride: 2, Pad: 3, NoBias: true}, seed),
		newNormReLU(o, "bn1", "relu", width),
		NewPool2D("maxpool", PoolConfig{Max: true, Kernel: 3, Stride: 2, Pad: 1}),
	}
}

// blocks makes the blocks of a network one after another.
type blocks struct {
	o    EncoderOptions
	seed uint64
	in   int // channels that the next block gets
}

// conv returns the convolution name.id with its padding, which keeps the size of
// the map at stride 1.
func (b *blocks) conv(name, id string, in, out, kernel, stride int) *Conv2D {
	return NewConv2D(name+"."+id, ConvConfig{In: in, Out: out, Kernel: kernel, Stride: stride, Pad: kernel / 2, NoBias: true}, b.seed)
}

// basic is a block of two 3x3 convolutions.
func (b *blocks) basic(name string, width, stride int) *ResBlock {
	in, out := b.in, b.o.channels(width)
	return b.block(name, out, stride, Sequential{
		b.conv(name, "conv1", in, out, 3, stride),
		newNormReLU(b.o, name+".bn1", name+".relu1", out),
		b.conv(name, "conv2", out, out, 3, 1),
	}, "bn2")
}

// bottleneck is a block of a 1x1, a 3x3 and a 1x1 convolution, the last with four
// times the channels.
func (b *blocks) bottleneck(name string, width, stride int) *ResBlock {
	in, mid, out := b.in, b.o.channels(width), b.o.channels(4*width)
	return b.block(name, out, stride, Sequential{
		b.conv(name, "conv1", in, mid, 1, 1),
		newNormReLU(b.o, name+".bn1", name+".relu1", mid),
		b.conv(name, "conv2", mid, mid, 3, stride),
		newNormReLU(b.o, name+".bn2", name+".relu2", mid),
		b.conv(name, "conv3", mid, out, 1, 1),
	}, "bn3")
}

// block closes a block with its last norm and its shortcut: the input itself or,
// where the shape changes, a 1x1 convolution and a norm of it.
func (b *blocks) block(name string, out, stride int, body Sequential, last string) *ResBlock {
	r := &ResBlock{name: name, body: body, last: newNorm(b.o, name+"."+last, out)}
	if stride != 1 || b.in != out {
		r.down = Sequential{
			b.conv(name, "downsample.0", b.in, out, 1, stride),
			newNorm(b.o, name+".downsample.1", out),
		}
	}
	b.in = out
	return r
}
