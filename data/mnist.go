package data

import (
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"
)

var _ = Register(Source{
	Name: "mnist", About: "70,000 gray digits of 28x28; IDX files, .gz or not",
	Shape: [3]int{28, 28, 1}, Mean: []float64{0.1307}, Std: []float64{0.3081},
	Count: always(60000, 10000), Read: eachPart(OpenMNIST),
})

var _ = Register(Source{
	Name: "fashion-mnist", About: "70,000 gray clothes of 28x28; IDX files, .gz or not",
	Shape: [3]int{28, 28, 1}, Mean: []float64{0.2860}, Std: []float64{0.3530},
	Count: always(60000, 10000), Read: eachPart(OpenFashionMNIST),
})

// The IDX format (Yann LeCun, http://yann.lecun.com/exdb/mnist): two zero bytes, a
// type (8: unsigned bytes), the number of dimensions, each dimension as 32 bits
// big-endian, then the values in row-major order.
const idxBytes = 8

var mnistParts = [2]struct {
	prefix string
	images int
}{Train: {"train", 60000}, Test: {"t10k", 10000}}

// OpenMNIST reads one part of MNIST in its official form, IDX files with or
// without .gz: 60,000 images for Train, 10,000 for Test, 28x28x1. dir is the
// folder of train-images-idx3-ubyte and its like, or the one in which
// torchvision keeps them as MNIST/raw.
//
// Wrong sizes and labels are errors that name the file and the field.
func OpenMNIST(dir string, part Part) (Dataset, error) {
	return openMNIST("mnist", dir, "MNIST/raw", part, digits(), mnistParts[part].images)
}

// OpenFashionMNIST is OpenMNIST for Fashion-MNIST (Xiao, Rasul and Vollgraf,
// 2017): the same form with ten kinds of clothes.
func OpenFashionMNIST(dir string, part Part) (Dataset, error) {
	return openMNIST("fashion-mnist", dir, "FashionMNIST/raw", part, clothes(), mnistParts[part].images)
}

func digits() []string { return []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"} }

func clothes() []string {
	return []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
		"Ankle boot"}
}

func openMNIST(set, dir, sub string, part Part, classes []string, n int) (Dataset, error) {
	imageFile, labelFile := mnistParts[part].prefix+"-images-idx3-ubyte", mnistParts[part].prefix+"-labels-idx1-ubyte"
	dir, err := folder(set, dir, imageFile, sub)
	if err != nil {
		return nil, err
	}
	d := struct{ labels, pixels []byte }{}
	for _, f := range []struct {
		name string
		want []int
		into *[]byte
	}{{labelFile, []int{n}, &d.labels}, {imageFile, []int{n, 28, 28}, &d.pixels}} {
		s, err := openSource(set, filepath.Join(dir, f.name))
		if err != nil {
			return nil, err
		}
		*f.into, err = readIDX(s, s.most, f.want)
		s.close()
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", set, s.path, err)
		}
	}
	out := &images{name: set + "/" + part.String(), h: 28, w: 28, c: 1, classes: classes, pixels: d.pixels,
		labels: make([]uint16, n), file: inRecords([]string{imageFile}, n)}
	for i, k := range d.labels {
		if int(k) >= len(classes) {
			return nil, fmt.Errorf("%s: %s: label %d: found %d, expected 0 to %d", set, filepath.Join(dir, labelFile), i, k,
				len(classes)-1)
		}
		out.labels[i] = uint16(k)
	}
	return out, nil
}

// readIDX reads an IDX file of bytes with the dimensions want from r, which holds
// most bytes at most.
func readIDX(r io.Reader, most int64, want []int) ([]byte, error) {
	head := make([]byte, 4+4*len(want))
	n, err := io.ReadFull(r, head)
	if magic := [4]byte{0, 0, idxBytes, byte(len(want))}; n >= 4 && [4]byte(head) != magic {
		return nil, fmt.Errorf("header: magic number: found %x, expected %x (IDX, unsigned bytes, %d dimensions)", head[:4],
			magic, len(want))
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil, fmt.Errorf("header: truncated: found %d bytes, expected %d", n, len(head))
	} else if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	values := int64(1)
	for i, w := range want {
		if found := binary.BigEndian.Uint32(head[4+4*i:]); int64(found) != int64(w) {
			return nil, fmt.Errorf("header: dimension %d: found %d, expected %d", i, found, w)
		}
		values *= int64(w)
	}
	if values > most {
		return nil, fmt.Errorf("truncated: the file can hold %d bytes at most, expected %d", most, values)
	}
	b, err := readExactly(r, values)
	if err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	return b, nil
}
