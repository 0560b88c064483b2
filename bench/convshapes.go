package bench

import "fmt"

// ConvLayer is the shape of a convolution of Size x Size images: square kernels,
// strides and paddings, as all of the encoders here have. Layers of one shape
// stand together in one entry, under the name of the first.
type ConvLayer struct {
	Name   string `json:"layer"`
	Count  int    `json:"count"` // how many layers of the encoder have this shape
	N      int    `json:"n"`
	Size   int    `json:"size"` // height and width of the input
	C      int    `json:"c"`
	K      int    `json:"k"`
	Kernel int    `json:"kernel"`
	Stride int    `json:"stride"`
	Pad    int    `json:"pad"`
}

// OutSize returns the height and width of the output.
func (l ConvLayer) OutSize() int { return (l.Size+2*l.Pad-l.Kernel)/l.Stride + 1 }

// Flop returns the floating-point operations of one pass: two for every product,
// those with the zeros of the padding counted too, as everybody does.
func (l ConvLayer) Flop() float64 {
	return 2 * float64(l.N) * float64(l.OutSize()*l.OutSize()) * float64(l.K) * float64(l.Kernel*l.Kernel) * float64(l.C)
}

// convNets are the encoders whose convolutions can be timed, each with its usual
// number of images (for CIFAR, of views).
var convNets = map[string]struct {
	batch  int
	layers func(n int) []ConvLayer
}{
	"resnet9":  {512, resnet9Convs},
	"resnet18": {128, resnet18Convs},
	"resnet50": {8, resnet50Convs},
}

// ConvLayers returns the convolutions of an encoder in the order of its forward
// pass, for its usual batch if n is 0.
func ConvLayers(net string, n int) ([]ConvLayer, error) {
	s, ok := convNets[net]
	if !ok {
		return nil, fmt.Errorf("net: want resnet9, resnet18 or resnet50, found %q", net)
	}
	if n == 0 {
		n = s.batch
	}
	if n < 1 || n > 1<<12 {
		return nil, fmt.Errorf("batch: want 1 to %d, found %d", 1<<12, n)
	}
	return s.layers(n), nil
}

// convList gathers layers and counts those of one shape.
type convList struct {
	n      int
	layers []ConvLayer
}

// add appends a layer with the padding that keeps the size at stride 1 and
// returns its output's size.
func (l *convList) add(name string, size, c, k, kernel, stride int) int {
	layer := ConvLayer{Name: name, Count: 1, N: l.n, Size: size, C: c, K: k, Kernel: kernel, Stride: stride, Pad: kernel / 2}
	for i := range l.layers {
		same := layer
		same.Name, same.Count = l.layers[i].Name, l.layers[i].Count
		if same == l.layers[i] {
			l.layers[i].Count++
			return layer.OutSize()
		}
	}
	l.layers = append(l.layers, layer)
	return layer.OutSize()
}

// resnet9Convs are those of nn's resnet9 on CIFAR's 32 x 32 pixels.
func resnet9Convs(n int) []ConvLayer {
	l := convList{n: n}
	l.add("conv1", 32, 3, 32, 3, 1)
	l.add("conv2_0", 16, 32, 64, 3, 1) // behind a pool, as 3, 4_0 and 4_1
	l.add("conv2_1", 8, 64, 64, 3, 1)
	l.add("conv2_2", 8, 64, 64, 3, 1)
	l.add("conv3", 8, 64, 128, 3, 1)
	l.add("conv4_0", 4, 128, 256, 3, 1)
	l.add("conv4_1", 2, 256, 256, 3, 1)
	l.add("conv4_2", 2, 256, 256, 3, 1)
	return l.layers
}

// resnet18Convs are those of ResNet-18 (arXiv 1512.03385, Table 1) with the stem
// that is usual for CIFAR: one 3 x 3 convolution, no pool.
func resnet18Convs(n int) []ConvLayer {
	l := convList{n: n}
	size, in := l.add("conv1", 32, 3, 64, 3, 1), 64
	for stage, width := range []int{64, 128, 256, 512} {
		for block := range 2 {
			name := fmt.Sprintf("layer%d.%d.", stage+1, block)
			stride := 1
			if stage > 0 && block == 0 {
				stride = 2
			}
			from := size
			size = l.add(name+"conv1", from, in, width, 3, stride)
			l.add(name+"conv2", size, width, width, 3, 1)
			if stride == 2 {
				l.add(name+"downsample", from, in, width, 1, stride)
			}
			in = width
		}
	}
	return l.layers
}

// resnet50Convs are those of ResNet-50 (arXiv 1512.03385, Table 1) on 224 x 224
// pixels, with the stride of a stage in its first 3 x 3 convolution as in
// torchvision.
func resnet50Convs(n int) []ConvLayer {
	l := convList{n: n}
	l.add("conv1", 224, 3, 64, 7, 2)
	size, in := 56, 64 // behind the pool
	for stage, blocks := range []int{3, 4, 6, 3} {
		width := 64 << stage
		for block := range blocks {
			name := fmt.Sprintf("layer%d.%d.", stage+1, block)
			stride := 1
			if stage > 0 && block == 0 {
				stride = 2
			}
			from := size
			l.add(name+"conv1", from, in, width, 1, 1)
			size = l.add(name+"conv2", from, width, width, 3, stride)
			l.add(name+"conv3", size, width, 4*width, 1, 1)
			if block == 0 {
				l.add(name+"downsample", from, in, 4*width, 1, stride)
			}
			in = 4 * width
		}
	}
	return l.layers
}
