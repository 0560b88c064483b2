package bench

// Shape is a matrix product C [M x N] = op(A) op(B) with sums of K terms, where
// op transposes what is stored transposed: A as [K x M], B as [N x K].
type Shape struct {
	M      int  `json:"m"`
	N      int  `json:"n"`
	K      int  `json:"k"`
	TransA bool `json:"trans_a"`
	TransB bool `json:"trans_b"`
}

// sizes are M, N and K of Shapes: squares; the products of a ViT-Ti of 192
// channels, batch 256, 65 tokens (256 * 65 = 16640), as they are and turned
// around; a 3 x 3 convolution of 64 channels (576 = 9 * 64) as a product; and
// one with long sums (2304 = 9 * 256).
var sizes = [][3]int{
	{64, 64, 64}, {128, 128, 128}, {256, 256, 256}, {512, 512, 512}, {1024, 1024, 1024}, {2048, 2048, 2048},
	{192, 16640, 192}, {768, 16640, 192}, {16640, 192, 192}, {16640, 768, 192}, {64, 4096, 576}, {256, 256, 2304},
}

// Shapes returns the products by which the engine is compared: twelve sizes, each
// with the transposes of training. Of a linear layer y = x w^T (w is [out, in])
// these are the forward pass (B transposed), the gradient of the input dy w
// (plain) and that of the weight dy^T x (A transposed).
func Shapes() []Shape {
	var all []Shape
	for _, s := range sizes {
		for _, t := range [][2]bool{{false, true}, {false, false}, {true, false}} {
			all = append(all, Shape{s[0], s[1], s[2], t[0], t[1]})
		}
	}
	return all
}
