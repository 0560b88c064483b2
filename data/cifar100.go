package data

import (
	"fmt"
	"io"
	"path/filepath"
)

var _ = Register(Source{
	Name:  "cifar100",
	About: "60,000 images of 32x32 in 100 classes or 20 superclasses; official files, binary or Python",
	Shape: [3]int{32, 32, 3}, Variants: []string{"fine", "coarse"},
	Count: always(cifar100Images[Train], cifar100Images[Test]),
	Read: func(dir, variant string, _ FolderOptions) (Dataset, Dataset, error) {
		return both(func(p Part) (Dataset, error) { return OpenCIFAR100(dir, p, variant == "coarse") })
	},
})

// The binary version of CIFAR-100: as CIFAR-10, but a record begins with two
// bytes, the superclass (coarse label, 0 to 19) and the class (fine, 0 to 99).
const (
	cifar100Record = 2 + cifarPixels
	cifar100Folder = "cifar-100-binary"
)

var cifar100Images = [2]int{Train: 50000, Test: 10000}

// OpenCIFAR100 reads one part of CIFAR-100 in its official binary version:
// 50,000 images for Train, 10,000 for Test, 32x32x3, with the 100 fine labels or
// the 20 coarse ones. dir is the folder of train.bin, test.bin and the names
// (fine_label_names.txt, coarse_label_names.txt), or the one that holds it as
// cifar-100-binary. Without them it reads the Python version, train, test and meta
// (cifar-100-python): the same images in the same order.
func OpenCIFAR100(dir string, part Part, coarse bool) (Dataset, error) {
	return openCIFAR100(dir, part, coarse, cifar100Images[part])
}

func openCIFAR100(dir string, part Part, coarse bool, n int) (Dataset, error) {
	set, names, classes, at := "cifar100", "fine_label_names.txt", 100, 1
	if coarse {
		set, names, classes, at = "cifar100-coarse", "coarse_label_names.txt", 20, 0
	}
	file := part.String() + ".bin"
	if py, ok := pythonDir(dir, cifar100Python, part.String(), file, filepath.Join(cifar100Folder, file)); ok {
		return openPythonCIFAR100(py, part, set, [2]string{"coarse_labels", "fine_labels"}[at], classes, n)
	}
	dir, err := folder(set, dir, file, cifar100Folder)
	if err != nil {
		return nil, err
	}
	labels, err := readNames(set, filepath.Join(dir, names), classes)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, file)
	if err := checkSize(set, path, int64(n)*cifar100Record); err != nil {
		return nil, err
	}
	d := newImages(set+"/"+part.String(), n, cifarSide, cifarSide, 3, labels)
	d.file = inRecords([]string{file}, n)
	if err := readFile(set, path, func(r io.Reader) error { return readCIFAR100(r, d.pixels, d.labels, at) }); err != nil {
		return nil, err
	}
	return d, nil
}

// readCIFAR100 reads len(labels) records, no fewer and no more; the label is the
// byte at of a record.
func readCIFAR100(r io.Reader, pixels []uint8, labels []uint16, at int) error {
	return readRecords(r, cifar100Record, len(labels), func(i int, rec []byte) error {
		for k, most := range [2]byte{19, 99} {
			if rec[k] > most {
				return fmt.Errorf("%s label: found %d, expected 0 to %d", [2]string{"coarse", "fine"}[k], rec[k], most)
			}
		}
		labels[i] = uint16(rec[at])
		interleave(pixels[i*cifarPixels:(i+1)*cifarPixels], rec[2:])
		return nil
	})
}
