package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/locimem/locimem/internal/pickle"
	"github.com/locimem/locimem/internal/textfile"
)

// The Python version of CIFAR, which torchvision downloads: a pickled dictionary a file,
// with the pixels of the images as rows (N,3072) of three planes, their labels and the
// names of the files that they were. Images and their order are those of the binary
// version, so the data have the same name.
const (
	cifar10Python  = "cifar-10-batches-py"
	cifar100Python = "cifar-100-python"
)

// pythonDir returns the folder that holds the Python version and not the binary one: dir
// or its subfolder. file is the first file of it, binary that of the other version.
func pythonDir(dir, sub, file string, binary ...string) (string, bool) {
	for _, b := range binary {
		if _, err := os.Stat(filepath.Join(dir, b)); err == nil {
			return "", false
		}
	}
	for _, d := range []string{dir, filepath.Join(dir, sub)} {
		if info, err := os.Stat(filepath.Join(d, file)); err == nil && !info.IsDir() {
			return d, true
		}
	}
	return "", false
}

// openPythonCIFAR10 reads a part from files of n images each.
func openPythonCIFAR10(dir string, part Part, n int, name string) (Dataset, error) {
	classes, err := pythonNames("cifar10", filepath.Join(dir, "batches.meta"), "label_names", cifarClasses())
	if err != nil {
		return nil, err
	}
	files := cifarFiles(part)
	d := newImages(name, len(files)*n, cifarSide, cifarSide, 3, classes)
	names := make([]string, len(d.labels))
	for k, f := range files {
		f = strings.TrimSuffix(f, ".bin")
		b := batch{pixels: d.pixels[k*n*cifarPixels : (k+1)*n*cifarPixels], labels: d.labels[k*n : (k+1)*n],
			names: names[k*n : (k+1)*n]}
		if err := b.read(filepath.Join(dir, f), "labels", 9); err != nil {
			return nil, fmt.Errorf("cifar10: %s: %w", filepath.Join(dir, f), err)
		}
	}
	d.file = func(i int) string {
		return fmt.Sprintf("%s, record %d%s", strings.TrimSuffix(files[i/n], ".bin"), i%n, names[i])
	}
	return d, nil
}

// openPythonCIFAR100 reads a part of n images.
func openPythonCIFAR100(dir string, part Part, set, key string, classes, n int) (Dataset, error) {
	labels, err := pythonNames(set, filepath.Join(dir, "meta"), strings.TrimSuffix(key, "s")+"_names",
		make([]string, classes))
	if err != nil {
		return nil, err
	}
	d := newImages(set+"/"+part.String(), n, cifarSide, cifarSide, 3, labels)
	b := batch{pixels: d.pixels, labels: d.labels, names: make([]string, n)}
	if err := b.read(filepath.Join(dir, part.String()), key, classes-1); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", set, filepath.Join(dir, part.String()), err)
	}
	d.file = func(i int) string { return fmt.Sprintf("%s, record %d%s", part, i, b.names[i]) }
	return d, nil
}

// batch is what a file of images fills: as many as there are labels.
type batch struct {
	pixels []uint8 // N,32,32,3
	labels []uint16
	names  []string // " (name)", or ""
}

// read reads a file whose labels, under a key, go from 0 to most.
func (b batch) read(path, key string, most int) error {
	d, err := readPickle(path, int64(len(b.labels))*(cifarPixels+512)+1<<16)
	if err != nil {
		return err
	}
	n := len(b.labels)
	a, ok := d["data"].(*pickle.Array)
	if !ok {
		return fmt.Errorf("data: found %s, expected an array of bytes", pythonKind(d["data"]))
	}
	if len(a.Shape) != 2 || a.Shape[0] != n || a.Shape[1] != cifarPixels {
		return fmt.Errorf("data: found an array of shape %v, expected [%d %d]", a.Shape, n, cifarPixels)
	}
	labels, ok := d[key].(*pickle.List)
	if !ok || len(labels.Items) != n {
		return fmt.Errorf("%s: found %s, expected a list of %d", key, pythonKind(d[key]), n)
	}
	names, _ := d["filenames"].(*pickle.List)
	for i, v := range labels.Items {
		k, ok := v.(int64)
		if !ok || k < 0 || k > int64(most) {
			return fmt.Errorf("%s: item %d: found %s, expected 0 to %d", key, i, pythonKind(v), most)
		}
		b.labels[i] = uint16(k)
		interleave(b.pixels[i*cifarPixels:(i+1)*cifarPixels], a.Data[i*cifarPixels:(i+1)*cifarPixels])
		if names != nil && i < len(names.Items) {
			if name, ok := names.Items[i].(string); ok {
				b.names[i] = " (" + name + ")"
			}
		}
	}
	return nil
}

// pythonNames returns the names of the classes, as many as usual has; where the file is
// missing, usual, unless that is empty.
func pythonNames(set, path, key string, usual []string) ([]string, error) {
	d, err := readPickle(path, 1<<16)
	if errors.Is(err, fs.ErrNotExist) && usual[0] != "" {
		return usual, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", set, path, err)
	}
	l, ok := d[key].(*pickle.List)
	if !ok || len(l.Items) != len(usual) {
		return nil, fmt.Errorf("%s: %s: %s: found %s, expected a list of %d names", set, path, key, pythonKind(d[key]),
			len(usual))
	}
	names := make([]string, len(usual))
	for i, v := range l.Items {
		if names[i], ok = v.(string); !ok {
			return nil, fmt.Errorf("%s: %s: %s: item %d: found %s, expected a name", set, path, key, i, pythonKind(v))
		}
	}
	return names, nil
}

func readPickle(path string, most int64) (pickle.Dict, error) {
	b, err := textfile.Read(path, most)
	if err != nil {
		return nil, err
	}
	v, err := pickle.Decode(b)
	if err != nil {
		return nil, err
	}
	d, ok := v.(pickle.Dict)
	if !ok {
		return nil, fmt.Errorf("found %s, expected a dictionary", pythonKind(v))
	}
	return d, nil
}

// pythonKind says what a value of a pickle is.
func pythonKind(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case *pickle.List:
		return fmt.Sprintf("a list of %d", len(v.Items))
	case *pickle.Array:
		return fmt.Sprintf("an array of shape %v", v.Shape)
	case pickle.Dict:
		return "a dictionary"
	case pickle.Tuple:
		return "a tuple"
	case string:
		return fmt.Sprintf("the text %.40q", v)
	}
	return fmt.Sprint(v)
}
