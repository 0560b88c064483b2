package data

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/locimem/locimem/internal/mat5"
)

var _ = Register(Source{
	Name: "svhn", About: "house numbers, digits of 32x32; train_32x32.mat, test_32x32.mat",
	Shape: [3]int{32, 32, 3}, Variants: []string{"train", "extra"},
	Count: func(variant string) (int, int) { return svhnImages[variant], svhnImages["test"] },
	Read: func(dir, variant string, _ FolderOptions) (Dataset, Dataset, error) {
		return both(func(p Part) (Dataset, error) { return OpenSVHN(dir, [2]string{variant, "test"}[p]) })
	},
})

// svhnImages has the number of images of each official file.
var svhnImages = map[string]int{"train": 73257, "test": 26032, "extra": 531131}

// OpenSVHN reads a part of the cropped digits of SVHN (Netzer et al., 2011; format
// 2) in their official form, 32x32x3: "train", "test" or "extra", from
// train_32x32.mat and its like in dir. The files give the digit 0 the label 10;
// here it has the class 0.
func OpenSVHN(dir, part string) (Dataset, error) {
	n, ok := svhnImages[part]
	if !ok {
		return nil, fmt.Errorf("svhn: part: found %q, expected train, test or extra", part)
	}
	return openSVHN(dir, part, n)
}

func openSVHN(dir, part string, n int) (Dataset, error) {
	file := part + "_32x32.mat"
	dir, err := folder("svhn", dir, file)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, file)
	size, err := regular("svhn", path)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("svhn: %w", err)
	}
	defer f.Close()
	pixels, labels, err := readSVHN(f, size, n)
	if err != nil {
		return nil, fmt.Errorf("svhn: %s: %w", path, err)
	}
	return &images{name: "svhn/" + part, h: 32, w: 32, c: 3, classes: digits(), pixels: pixels, labels: labels,
		file: inRecords([]string{file}, n)}, nil
}

// readSVHN reads the variables X (32,32,3,n), column by column, and y (n,1) of a
// file of size bytes.
func readSVHN(r io.Reader, size int64, n int) (pixels []uint8, labels []uint16, err error) {
	err = mat5.Each(r, size, func(v *mat5.Variable) error {
		switch {
		case v.Name == "X" && pixels == nil:
			if want := []int{32, 32, 3, n}; !slices.Equal(v.Dims, want) || v.Type != "uint8" {
				return fmt.Errorf("found %v of %s, expected %v of uint8", v.Dims, v.Type, want)
			}
			img := make([]byte, cifarPixels)
			for i := range n {
				if _, err := io.ReadFull(v, img); err != nil {
					return fmt.Errorf("image %d: truncated: %w", i, err)
				}
				pixels = slices.Grow(pixels, cifarPixels)[:(i+1)*cifarPixels]
				columnPlanes(pixels[i*cifarPixels:], img, 32, 32)
			}
		case v.Name == "y" && labels == nil:
			if want := []int{n, 1}; !slices.Equal(v.Dims, want) {
				return fmt.Errorf("found %v, expected %v", v.Dims, want)
			}
			for i := range n {
				k, err := v.Next()
				if err != nil {
					return fmt.Errorf("label %d: truncated: %w", i, err)
				}
				if !(k >= 1 && k <= 10 && k == float64(int(k))) {
					return fmt.Errorf("label %d: found %v, expected 1 to 10", i, k)
				}
				labels = append(labels, uint16(k)%10)
			}
		case v.Name == "X" || v.Name == "y":
			return fmt.Errorf("is in the file twice")
		}
		return nil
	})
	if err == nil && (pixels == nil || labels == nil) {
		err = fmt.Errorf("found no variable %s", map[bool]string{true: "X", false: "y"}[pixels == nil])
	}
	return pixels, labels, err
}
