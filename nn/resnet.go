package nn

import "fmt"

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
// convolution and a 3x3 max pool. Padding, stride and pool may be others (Geometry).
func resNetStem(o EncoderOptions, seed uint64) Sequential {
	conv, pool := o.stem()
	conv.In, conv.Out, conv.NoBias = o.InC, o.channels(64), true
	net := Sequential{NewConv2D("conv1", conv, seed), newNormReLU(o, "bn1", "relu", conv.Out)}
	if pool {
		net = append(net, NewPool2D("maxpool", stemPool))
	}
	return net
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
