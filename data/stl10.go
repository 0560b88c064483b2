package data

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

var _ = Register(Source{
	Name: "stl10", About: "images of 96x96 in 10 classes, 100,000 unlabeled; official binary files",
	Shape: [3]int{96, 96, 3}, Variants: STL10Parts(), Count: stlCounts,
	Read: func(dir, variant string, _ FolderOptions) (Dataset, Dataset, error) {
		return both(func(p Part) (Dataset, error) { return OpenSTL10(dir, [2]string{variant, "test"}[p]) })
	},
})

// STL-10 (Coates, Lee and Ng, AISTATS 2011), binary version: X files of images of
// 96x96, a red, a green and a blue plane, each column by column; y files of a
// byte a label, 1 to 10.
const (
	stlSide   = 96
	stlPlane  = stlSide * stlSide
	stlPixels = 3 * stlPlane
	stlFolder = "stl10_binary"
	stlFolds  = 10
	stlFold   = 1000 // images of a fold
)

// stlImages has the number of images of each official file.
var stlImages = map[string]int{"train": 5000, "test": 8000, "unlabeled": 100000}

// STL10Parts are what can be trained on: the labelled images, the unlabeled ones,
// both, or one of the ten predefined folds of 1,000 labelled images.
func STL10Parts() []string {
	parts := []string{"train", "unlabeled", "train+unlabeled"}
	for k := range stlFolds {
		parts = append(parts, "fold"+strconv.Itoa(k))
	}
	return parts
}

// OpenSTL10 reads a part of STL-10 in its official binary version, 96x96x3:
// "test" or one of STL10Parts. dir is the folder of train_X.bin and its like, or
// the one that holds it as stl10_binary. Unlabeled images have an eleventh class
// of that name.
func OpenSTL10(dir, part string) (Dataset, error) { return openSTL10(dir, part, stlImages, stlFold) }

// openSTL10 is OpenSTL10 for files of those numbers of images.
func openSTL10(dir, part string, images map[string]int, foldSize int) (Dataset, error) {
	const set = "stl10"
	if part != "test" && !slices.Contains(STL10Parts(), part) {
		return nil, fmt.Errorf("%s: part: found %q, expected test or one of %s", set, part, strings.Join(STL10Parts(), ", "))
	}
	files := strings.Split(part, "+")
	fold := strings.HasPrefix(part, "fold")
	if fold {
		files = []string{"train"}
	}
	dir, err := folder(set, dir, files[0]+"_X.bin", stlFolder)
	if err != nil {
		return nil, err
	}
	classes, err := readNames(set, filepath.Join(dir, "class_names.txt"), 10)
	if err != nil {
		return nil, err
	}
	total := 0
	for _, f := range files {
		total += images[f]
		if err := checkSize(set, filepath.Join(dir, f+"_X.bin"), int64(images[f])*stlPixels); err != nil {
			return nil, err
		}
	}
	if strings.Contains(part, "unlabeled") {
		classes = append(classes, "unlabeled")
	}
	d := newImages(set+"/"+part, total, stlSide, stlSide, 3, classes)
	d.file = func(i int) string {
		k := 0
		for ; i >= images[files[k]]; k++ {
			i -= images[files[k]]
		}
		return fmt.Sprintf("%s_X.bin, record %d", files[k], i)
	}
	at := 0
	for _, f := range files {
		n := images[f]
		err := readFile(set, filepath.Join(dir, f+"_X.bin"), func(r io.Reader) error {
			return readSTL(r, d.pixels[at*stlPixels:(at+n)*stlPixels])
		})
		if err != nil {
			return nil, err
		}
		if err := stlLabels(filepath.Join(dir, f+"_y.bin"), f, d.labels[at:at+n]); err != nil {
			return nil, err
		}
		at += n
	}
	if !fold {
		return d, nil
	}
	return stlTake(d, filepath.Join(dir, "fold_indices.txt"), part, foldSize)
}

// readSTL fills pixels with images, no fewer and no more than r has.
func readSTL(r io.Reader, pixels []uint8) error {
	return readRecords(r, stlPixels, len(pixels)/stlPixels, func(i int, rec []byte) error {
		columnPlanes(pixels[i*stlPixels:(i+1)*stlPixels], rec, stlSide, stlSide)
		return nil
	})
}

// columnPlanes turns three planes, each column by column, into pixels of an image
// of h x w.
func columnPlanes(dst, planes []byte, h, w int) {
	for ch := range 3 {
		plane := planes[ch*h*w : (ch+1)*h*w]
		for x := range w {
			for y, v := range plane[x*h : (x+1)*h] {
				dst[(y*w+x)*3+ch] = v
			}
		}
	}
}

func stlLabels(path, file string, labels []uint16) error {
	if file == "unlabeled" {
		for i := range labels {
			labels[i] = 10
		}
		return nil
	}
	if err := checkSize("stl10", path, int64(len(labels))); err != nil {
		return err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("stl10: %w", err)
	}
	if len(b) != len(labels) {
		return fmt.Errorf("stl10: %s: found %d bytes, expected %d", path, len(b), len(labels))
	}
	for i, v := range b {
		if v < 1 || v > 10 {
			return fmt.Errorf("stl10: %s: label %d: found %d, expected 1 to 10", path, i, v)
		}
		labels[i] = uint16(v) - 1
	}
	return nil
}

// stlTake returns the images of a fold; line k of the file at path holds the
// indices of fold k.
func stlTake(d *images, path, part string, size int) (Dataset, error) {
	if _, err := regular("stl10", path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("stl10: %w", err)
	}
	defer f.Close()
	idx, err := readFold(io.LimitReader(f, 1<<20), part, size, d.Len())
	if err != nil {
		return nil, fmt.Errorf("stl10: %s: %w", path, err)
	}
	out := newImages("stl10/"+part, len(idx), stlSide, stlSide, 3, d.classes)
	for to, from := range idx {
		copy(out.Image(to), d.Image(from))
		out.labels[to] = d.labels[from]
	}
	out.file = func(i int) string { return d.file(idx[i]) }
	return out, nil
}

// readFold reads the indices of a fold, size of them below limit.
func readFold(r io.Reader, part string, size, limit int) ([]int, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != stlFolds {
		return nil, fmt.Errorf("found %d lines, expected %d, one for each fold", len(lines), stlFolds)
	}
	k, _ := strconv.Atoi(strings.TrimPrefix(part, "fold"))
	words := strings.Fields(lines[k])
	if len(words) != size {
		return nil, fmt.Errorf("line %d: found %d indices, expected %d", k+1, len(words), size)
	}
	idx := make([]int, size)
	for i, w := range words {
		if idx[i], err = strconv.Atoi(w); err != nil || idx[i] < 0 || idx[i] >= limit {
			return nil, fmt.Errorf("line %d: index %d: found %.20q, expected 0 to %d", k+1, i, w, limit-1)
		}
	}
	return idx, nil
}

// stlCounts returns the number of images of a part and of the test part.
func stlCounts(part string) (train, test int) {
	if strings.HasPrefix(part, "fold") {
		return stlFold, stlImages["test"]
	}
	for _, f := range strings.Split(part, "+") {
		train += stlImages[f]
	}
	return train, stlImages["test"]
}
