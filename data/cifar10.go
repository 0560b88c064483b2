package data

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

var _ = Register(Source{
	Name: "cifar10", About: "60,000 images of 32x32 in 10 classes; official files, binary or Python",
	Shape: [3]int{32, 32, 3},
	Count: always(5*CIFAR10Records, CIFAR10Records), Read: eachPart(OpenCIFAR10),
})

// The binary version of CIFAR-10 (https://www.cs.toronto.edu/~kriz/cifar.html):
// a file is a list of records, a record is one label byte and then the red, the
// green and the blue plane of a 32x32 image, each row by row.
const (
	cifarSide   = 32
	cifarPlane  = cifarSide * cifarSide
	cifarPixels = 3 * cifarPlane
	cifarRecord = 1 + cifarPixels

	// CIFAR10Records is the number of images in each of the six official files.
	CIFAR10Records = 10000
)

const (
	cifarFolder = "cifar-10-batches-bin"
	cifarMeta   = "batches.meta.txt"
)

func cifarFiles(part Part) []string {
	if part == Test {
		return []string{"test_batch.bin"}
	}
	return []string{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"}
}

func cifarClasses() []string {
	return []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}
}

// OpenCIFAR10 reads one part of CIFAR-10 in its official binary version: 50,000
// images for Train, 10,000 for Test, 32x32x3. dir is the folder that holds
// data_batch_1.bin and its like, or the one that holds that folder under its
// official name cifar-10-batches-bin. Without them it reads the Python version, whose
// files have no .bin (cifar-10-batches-py): the same images in the same order.
//
// A file that is missing, is not a file, or does not hold exactly 10,000
// records, and a label over 9, are errors that name the file.
func OpenCIFAR10(dir string, part Part) (Dataset, error) {
	return OpenCIFAR10Part(dir, part, CIFAR10Records)
}

// OpenCIFAR10Part is OpenCIFAR10 for files that were cut on purpose to their
// first records images each. The number is asked for, and not taken from the
// files, so that one cut by accident is still noticed.
func OpenCIFAR10Part(dir string, part Part, records int) (Dataset, error) {
	if records < 1 || records > CIFAR10Records {
		return nil, fmt.Errorf("cifar10: records per file: found %d, expected 1 to %d", records, CIFAR10Records)
	}
	name := "cifar10/" + part.String()
	if records != CIFAR10Records {
		name = fmt.Sprintf("cifar10-%d/%s", records, part)
	}
	first := cifarFiles(part)[0]
	if py, ok := pythonDir(dir, cifar10Python, strings.TrimSuffix(first, ".bin"), first, filepath.Join(cifarFolder,
		first)); ok {
		return openPythonCIFAR10(py, part, records, name)
	}
	dir, err := cifarDir(dir, part)
	if err != nil {
		return nil, err
	}
	classes, err := readCIFARClasses(filepath.Join(dir, cifarMeta))
	if err != nil {
		return nil, err
	}
	files := cifarFiles(part)
	// All sizes first: a wrong file is told about before 150 MB are read.
	for _, f := range files {
		if err := checkRecords("cifar10", filepath.Join(dir, f), cifarRecord, records); err != nil {
			return nil, err
		}
	}
	d := newImages(name, len(files)*records, cifarSide, cifarSide, 3, classes)
	d.file = inRecords(files, records)
	for i, f := range files {
		at := i * records
		err := readFile("cifar10", filepath.Join(dir, f), func(r io.Reader) error {
			return readCIFAR(r, d.pixels[at*cifarPixels:(at+records)*cifarPixels], d.labels[at:at+records])
		})
		if err != nil {
			return nil, err
		}
	}
	return d, nil
}

// cifarDir returns dir or its subfolder, whichever holds the files.
func cifarDir(dir string, part Part) (string, error) {
	first := cifarFiles(part)[0]
	found, err := folder("cifar10", dir, first, cifarFolder)
	if err == nil {
		return found, nil
	}
	return "", fmt.Errorf("%w; nor is there %s of the Python version", err,
		filepath.Join(cifar10Python, strings.TrimSuffix(first, ".bin")))
}

// readCIFAR reads len(labels) records, no fewer and no more, from r, into pixels
// [N,32,32,3] and labels [N].
func readCIFAR(r io.Reader, pixels []uint8, labels []uint16) error {
	return readRecords(r, cifarRecord, len(labels), func(i int, rec []byte) error {
		if rec[0] > 9 {
			return fmt.Errorf("label: found %d, expected 0 to 9", rec[0])
		}
		labels[i] = uint16(rec[0])
		interleave(pixels[i*cifarPixels:(i+1)*cifarPixels], rec[1:])
		return nil
	})
}

// interleave turns the three planes of a record into pixels.
func interleave(dst, planes []byte) {
	r, g, b := planes[:cifarPlane], planes[cifarPlane:2*cifarPlane], planes[2*cifarPlane:3*cifarPlane]
	for i := range r {
		p := dst[3*i : 3*i+3 : 3*i+3]
		p[0], p[1], p[2] = r[i], g[i], b[i]
	}
}

// readCIFARClasses reads the names of the ten classes, one a line, or returns
// the usual ones where the file is missing.
func readCIFARClasses(path string) ([]string, error) {
	classes := cifarClasses()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return classes, nil
	}
	return readNames("cifar10", path, len(classes))
}
