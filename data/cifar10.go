package data

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

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
	if py, ok := pythonDir(dir, cifar10Python, strings.TrimSuffix(first, ".bin"), first, filepath.Join(cifarFolder, first)); ok {
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
		if err := checkCIFARSize(filepath.Join(dir, f), records); err != nil {
			return nil, err
		}
	}
	d := newImages(name, len(files)*records, cifarSide, cifarSide, 3, classes)
	d.file = inRecords(files, records)
	for i, f := range files {
		err := readCIFARFile(filepath.Join(dir, f),
			d.pixels[i*records*cifarPixels:(i+1)*records*cifarPixels], d.labels[i*records:(i+1)*records])
		if err != nil {
			return nil, err
		}
	}
	return d, nil
}

// cifarDir returns dir or its subfolder, whichever holds the files.
func cifarDir(dir string, part Part) (string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("cifar10: data folder: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("cifar10: data folder: %s is a file, expected a folder (an archive must be unpacked first)", dir)
	}
	first := cifarFiles(part)[0]
	for _, d := range []string{dir, filepath.Join(dir, cifarFolder)} {
		if _, err := os.Stat(filepath.Join(d, first)); err == nil {
			return d, nil
		}
	}
	return "", fmt.Errorf("cifar10: %s: found none of %s, %s and, of the Python version, %s",
		dir, first, filepath.Join(cifarFolder, first), filepath.Join(cifar10Python, strings.TrimSuffix(first, ".bin")))
}

// checkCIFARSize tells whether the file at path can hold exactly so many records.
func checkCIFARSize(path string, records int) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cifar10: %s: file is missing: %w", path, fs.ErrNotExist)
	}
	if err != nil {
		return fmt.Errorf("cifar10: %w", err)
	}
	want := int64(records) * cifarRecord
	switch size := info.Size(); {
	case info.IsDir():
		return fmt.Errorf("cifar10: %s: found a folder, expected a file", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("cifar10: %s: found something that is not a regular file (%s)", path, info.Mode().Type())
	case size == want:
		return nil
	case size == 0:
		return fmt.Errorf("cifar10: %s: file is empty, expected %d bytes (%d records)", path, want, records)
	case size%cifarRecord != 0:
		return fmt.Errorf("cifar10: %s: %s: found %d bytes, which is %d records of %d bytes and %d bytes more, expected %d bytes (%d records)",
			path, tooShortOrLong(size, want), size, size/cifarRecord, cifarRecord, size%cifarRecord, want, records)
	default:
		return fmt.Errorf("cifar10: %s: %s: found %d records, expected %d", path, tooShortOrLong(size, want), size/cifarRecord, records)
	}
}

func tooShortOrLong(size, want int64) string {
	if size < want {
		return "truncated"
	}
	return "oversized"
}

func readCIFARFile(path string, pixels []uint8, labels []uint16) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("cifar10: %w", err)
	}
	defer f.Close()
	if err := readCIFAR(f, pixels, labels); err != nil {
		return fmt.Errorf("cifar10: %s: %w", path, err)
	}
	return nil
}

// readCIFAR reads len(labels) records, no fewer and no more, from r. It needs
// one record of memory besides what it fills: pixels (N,32,32,3) and labels (N).
func readCIFAR(r io.Reader, pixels []uint8, labels []uint16) error {
	b := bufio.NewReaderSize(r, 1<<16)
	rec := make([]byte, cifarRecord)
	for i := range labels {
		if n, err := io.ReadFull(b, rec); err == io.EOF || err == io.ErrUnexpectedEOF {
			return fmt.Errorf("truncated: found %d bytes, expected %d (%d records)",
				i*cifarRecord+n, len(labels)*cifarRecord, len(labels))
		} else if err != nil {
			return fmt.Errorf("record %d: %w", i, err)
		}
		if rec[0] > 9 {
			return fmt.Errorf("record %d: label: found %d, expected 0 to 9", i, rec[0])
		}
		labels[i] = uint16(rec[0])
		interleave(pixels[i*cifarPixels:(i+1)*cifarPixels], rec[1:])
	}
	if _, err := b.ReadByte(); err == nil {
		return fmt.Errorf("oversized: more than the expected %d bytes (%d records)", len(labels)*cifarRecord, len(labels))
	} else if err != io.EOF {
		return err
	}
	return nil
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
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return cifarClasses(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("cifar10: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1<<12))
	if err != nil {
		return nil, fmt.Errorf("cifar10: class names: %w", err)
	}
	names := strings.Fields(string(text))
	if want := len(cifarClasses()); len(names) != want {
		return nil, fmt.Errorf("cifar10: %s: class names: found %d, expected %d", path, len(names), want)
	}
	return names, nil
}
