package nn

import (
	"fmt"
	"strings"
)

// The stems of resnet18, 34 and 50.
const (
	StemCIFAR    = "cifar"    // a 3x3 convolution of stride 1
	StemImageNet = "imagenet" // a 7x7 convolution and a 3x3 max pool, both of stride 2
)

// smallImage is the largest side of an image, in pixels, for which a stem "auto"
// means StemCIFAR.
const smallImage = 64

func init() {
	norms := []string{NormBatch, NormGroup}
	RegisterEncoder("resnet9", Architecture{
		Pools: []string{"max", "avg"}, Norms: norms, // max as in the paper
		NormEps: batchNormEps, Assumed: resNet9Assumed,
		Groups: []TapGroup{
			{Name: "T1", Rows: rowsOf("conv1 conv1, conv2 conv2_0, conv3 conv2_1, conv4 conv2_2, Res2 res2, " +
				"conv5 conv3, conv6 conv4_0, conv7 conv4_1, conv8 conv4_2, Res6 res4")},
			{Name: "T18", Rows: resNet9Rows()},
		},
		Build: resNet9,
	})
	for _, r := range []resNetSize{
		{"resnet18", "T15", [4]int{2, 2, 2, 2}, false},
		{"resnet34", "T16", [4]int{3, 4, 6, 3}, false},
		{"resnet50", "T17", [4]int{3, 4, 6, 3}, true},
	} {
		RegisterEncoder(r.name, Architecture{
			Pools: []string{"avg", "max"}, Norms: norms, // avg as in torchvision
			Stems: []string{StemCIFAR, StemImageNet}, AutoStem: resNetAutoStem,
			StemGeometry: true, NormEps: batchNormEps, Assumed: r.assumed,
			Groups: []TapGroup{{Name: r.table, Stem: StemImageNet, Rows: r.rows()}},
			Build:  r.build,
		})
	}
}

// resNet9 is the encoder of "Localizing Memorization in SSL Vision Encoders"
// (arXiv 2409.19069), Tables 8 and 18: eight 3x3 convolutions with bias, each
// followed by batch norm and ReLU; 2x2 max pools after the first, second, fifth
// and sixth; a sum after the fourth and the eighth. It has 1,644,672 parameters
// at width 1. On 32x32 images the last map is 2x2x256.
//
// Taps relu2_2 and relu4_2 come before the sums res2 and res4, which are
// out = x + relu(bn(conv(...))) with no ReLU behind.
func resNet9(o EncoderOptions, seed uint64) Layer {
	in := o.InC
	conv := func(id string, width int) *Conv2D {
		from := in
		in = o.Channels(width)
		return NewConv2D("conv"+id, ConvConfig{In: from, Out: in, Kernel: 3, Pad: 1}, seed)
	}
	// plain returns the layers conv<id>, bn<id>, relu<id>; pooled has pool<id>
	// behind them.
	plain := func(id string, width int) Sequential {
		return Sequential{conv(id, width), NewNormReLU(o.NewNorm("bn"+id, in), "relu"+id)}
	}
	pooled := func(id string, width int) Sequential {
		if o.Norm != NormBatch {
			return append(plain(id, width), NewPool2D("pool"+id, PoolConfig{Max: true, Kernel: 2}))
		}
		c := conv(id, width)
		l := NewBNReLUPool("bn"+id, "relu"+id, "pool"+id, in)
		l.bn.stats.Eps = float32(o.NormEps)
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

// resNet9Rows are those of Table 18: everything but the ReLUs.
func resNet9Rows() (rows []GroupRow) {
	for i, id := range strings.Fields("1 2_0 2_1 2_2 3 4_0 4_1 4_2") {
		rows = append(rows, GroupRow{fmt.Sprintf("conv%d", i+1), "conv" + id}, GroupRow{fmt.Sprintf("BN%d", i+1), "bn" + id})
		switch id {
		case "1", "2_0", "3", "4_0":
			rows = append(rows, GroupRow{fmt.Sprintf("MaxPool%d", i+1), "pool" + id})
		case "2_2":
			rows = append(rows, GroupRow{"Res2", "res2"})
		case "4_2":
			rows = append(rows, GroupRow{"Res6", "res4"})
		}
	}
	return append(rows, rowsOf("head head, FC ")...)
}

// resNetSize is a residual network of He et al. (CVPR 2016, Table 1) with
// torchvision's names and details: convolutions without bias, the stride of a
// bottleneck on its 3x3 convolution, the mean over the last map.
type resNetSize struct {
	name, table string
	blocks      [4]int // of the four stages
	bottleneck  bool
}

func (r resNetSize) build(o EncoderOptions, seed uint64) Layer {
	net := resNetStem(o, seed)
	in := o.Channels(64)
	for stage, n := range r.blocks {
		for i := range n {
			width := 64 << stage
			b := BlockConfig{In: in, Out: o.Channels(width), Stride: 1, Norm: o.Norm, NormEps: o.NormEps}
			if stage > 0 && i == 0 {
				b.Stride = 2
			}
			name := fmt.Sprintf("layer%d.%d", stage+1, i)
			if r.bottleneck {
				b.Mid, b.Out = b.Out, o.Channels(4*width)
				net = append(net, NewBottleneck(name, b, seed))
			} else {
				net = append(net, NewBasicBlock(name, b, seed))
			}
			in = b.Out
		}
	}
	head := "avgpool"
	if o.Pool == "max" {
		head = "globalmax"
	}
	return append(net, &GlobalPool{head, o.Pool == "max"})
}

// resNetAutoStem is StemCIFAR for small images, StemImageNet for others.
func resNetAutoStem(o EncoderOptions) string {
	if max(o.InH, o.InW) > smallImage {
		return StemImageNet
	}
	return StemCIFAR
}

// stemPool is ImageNet's.
var stemPool = PoolConfig{Max: true, Kernel: 3, Stride: 2, Pad: 1}

// resNetStem is what comes before the first stage: a convolution of the stem's size
// with padding, stride and pool as Geometry has them.
func resNetStem(o EncoderOptions, seed uint64) Sequential {
	width := o.Channels(64)
	conv := ConvConfig{In: o.InC, Out: width, Kernel: stemOf(o.Stem).Kernel, Stride: o.StemStride, Pad: *o.StemPad,
		NoBias: true}
	net := Sequential{NewConv2D("conv1", conv, seed), NewNormReLU(o.NewNorm("bn1", width), "relu")}
	if o.StemPool == StemPoolMax {
		net = append(net, NewPool2D("maxpool", stemPool))
	}
	return net
}

// assumed implements Architecture.Assumed.
func (r resNetSize) assumed(o EncoderOptions) string {
	pool := "no pool"
	if o.StemPool == StemPoolMax {
		pool = fmt.Sprintf("%dx%d max pool of stride %d", stemPool.Kernel, stemPool.Kernel, stemPool.Stride)
	}
	side := stemOf(o.Stem).Kernel
	line := fmt.Sprintf("conv1 %dx%d stride %d padding %d, %s; ", side, side, o.StemStride, *o.StemPad, pool)
	if r.bottleneck {
		line += "stride of a block on its 3x3 convolution; "
	}
	return line + resNetEnds(o)
}

// resNet9Assumed implements Architecture.Assumed.
func resNet9Assumed(o EncoderOptions) string { return "conv1 3x3 stride 1 padding 1; " + resNetEnds(o) }

// resNetEnds is what ResNets have in common.
func resNetEnds(o EncoderOptions) string {
	over := "the mean"
	if o.Pool == "max" {
		over = "the largest"
	}
	return fmt.Sprintf("%s norm eps %g; features: %s of the last map", o.Norm, o.NormEps, over)
}

// rows are those of Tables 15 to 17: the convolutions of the four stages, which they
// call conv2 to conv5 and number throughout.
func (r resNetSize) rows() []GroupRow {
	convs := 2 // of a block
	if r.bottleneck {
		convs = 3
	}
	rows := rowsOf("conv1 conv1, pool maxpool")
	for stage, blocks := range r.blocks {
		for i := range blocks * convs {
			rows = append(rows, GroupRow{
				fmt.Sprintf("conv%d-%d", stage+2, i+1),
				fmt.Sprintf("layer%d.%d.conv%d", stage+1, i/convs, i%convs+1),
			})
		}
	}
	return append(rows, rowsOf("avgpool avgpool, fc , softmax ")...)
}
