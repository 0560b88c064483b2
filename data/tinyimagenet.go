package data

import (
	"bufio"
	"bytes"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/locimem/locimem/internal/textfile"
)

var _ = Register(Source{
	Name: "tiny-imagenet", About: "110,000 images of 64x64 in 200 classes, or a part; official folder",
	Shape: [3]int{64, 64, 3},
	Read:  func(dir, _ string, _ FolderOptions) (Dataset, Dataset, error) { return OpenTinyImageNet(dir) },
})

// Tiny-ImageNet (Stanford's CS231n, 2015): 200 classes named by their WordNet ids,
// 500 training and 50 validation images of 64x64 each, as JPEG files.
const (
	tinySide    = 64
	tinyClasses = 200
	tinyTrain   = 500
	tinyVal     = 50
	tinyFolder  = "tiny-imagenet-200"
)

// OpenTinyImageNet reads Tiny-ImageNet, 64x64x3; its validation part is the test
// part here (the labels of the test images are not published). dir is the official
// folder (wnids.txt, train/ID/images, val/images, val/val_annotations.txt), or
// the one that holds it as tiny-imagenet-200. The validation images may be sorted into
// folders of their classes, val/ID or val/ID/images, under their official names: they are
// the same data in the same order.
//
// dir may also hold some of the classes, in train/ID and val/ID, and the list of
// them in classes.txt: lines of number, WordNet id and words with tabs between.
//
// Classes are in the order of their WordNet ids. Their names are the first of
// the words, the id where there are none (words.txt).
func OpenTinyImageNet(dir string) (train, test Dataset, err error) {
	return openTiny(dir, tinyClasses, tinyTrain, tinyVal)
}

// openTiny is OpenTinyImageNet for those numbers of classes (of the official
// folder) and of images of each.
func openTiny(dir string, classes, trainImages, valImages int) (train, test Dataset, err error) {
	const set = "tiny-imagenet"
	root, err := openRoot(set, dir)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	if info, err := root.Stat(tinyFolder); err == nil && info.IsDir() {
		inner, err := root.OpenRoot(tinyFolder)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", set, err)
		}
		defer inner.Close()
		root, dir = inner, dir+"/"+tinyFolder
	}
	t := &tiny{lister: lister{root: root, dir: dir}, name: set}
	if _, statErr := root.Stat("wnids.txt"); statErr == nil {
		err = t.official(classes)
	} else if _, statErr := root.Stat("classes.txt"); statErr == nil {
		err = t.part()
	} else {
		err = fmt.Errorf("found neither wnids.txt nor classes.txt")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %s: %w", set, dir, err)
	}
	var out [2]Dataset
	for p, want := range [2]int{trainImages, valImages} {
		if err = t.count(Part(p), want); err == nil {
			to := target{name: t.name, classes: t.names, size: [2]int{tinySide, tinySide}, fit: tinyCopy}
			out[p], _, err = t.load(to, Part(p), t.files[p])
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %s: %w", set, dir, err)
		}
	}
	return out[Train], out[Test], nil
}

func tinyCopy(dst []uint8, r raster) error {
	if r.h != tinySide || r.w != tinySide {
		return fmt.Errorf("size: found %d x %d, expected %d x %d", r.h, r.w, tinySide, tinySide)
	}
	copy(dst, r.pix)
	return nil
}

// tiny collects what is in the folder.
type tiny struct {
	lister
	name  string
	ids   []string // of the classes, sorted
	names []string
	files [2][]imageFile
}

// lines calls each with the fields, separated by tabs, of every line of a file.
func (t *tiny) lines(file string, each func(n int, fields []string) error) error {
	b, err := readIn(t.root, file, 1<<24)
	if err == nil {
		b, err = textfile.UTF8(b)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	s := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; s.Scan(); n++ {
		if line := strings.TrimRight(s.Text(), " \r\t"); line != "" {
			if err := each(n, strings.Split(line, "\t")); err != nil {
				return fmt.Errorf("%s: line %d: %w", file, n, err)
			}
		}
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// official reads the official layout.
func (t *tiny) official(classes int) error {
	err := t.lines("wnids.txt", func(_ int, f []string) error { t.ids = append(t.ids, f[0]); return nil })
	if err != nil {
		return err
	}
	slices.Sort(t.ids)
	if n := len(slices.Compact(slices.Clone(t.ids))); n != classes || n != len(t.ids) {
		return fmt.Errorf("wnids.txt: found %d classes in %d lines, expected %d", n, len(t.ids), classes)
	}
	words := map[string]string{}
	if _, statErr := t.root.Stat("words.txt"); statErr == nil {
		err = t.lines("words.txt", func(_ int, f []string) error {
			if len(f) > 1 {
				words[f[0]] = f[1]
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, id := range t.ids {
		t.names = append(t.names, firstWord(words[id], id))
	}
	if err := t.list(Train, "train"); err != nil {
		return err
	}
	seen := map[string]bool{}
	if info, err := t.root.Stat("val/images"); err != nil || !info.IsDir() {
		return t.sortedVal()
	}
	return t.lines("val/val_annotations.txt", func(_ int, f []string) error {
		if len(f) < 2 || seen[f[0]] || f[0] != strings.TrimLeft(f[0], ".") || strings.ContainsAny(f[0], `/\`) {
			return fmt.Errorf("found %.80q, expected the name of a file, of each once, and a WordNet id, with a tab between",
				strings.Join(f, "\t"))
		}
		seen[f[0]] = true
		k, ok := slices.BinarySearch(t.ids, f[1])
		if !ok {
			return fmt.Errorf("class: found %.20q, which is not in wnids.txt", f[1])
		}
		t.files[Test] = append(t.files[Test], imageFile{"val/images/" + f[0], uint16(k)})
		return nil
	})
}

// sortedVal reads validation images that were sorted into folders of their classes. They
// take the place that their number has in the official list.
func (t *tiny) sortedVal() error {
	if err := t.list(Test, "val"); err != nil {
		return err
	}
	number := map[string]int{}
	for _, f := range t.files[Test] {
		base := path.Base(f.path)
		n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(base, "val_"), path.Ext(base)))
		if err != nil || n < 0 || !strings.HasPrefix(base, "val_") {
			return fmt.Errorf("%s: found no number, expected the official name of an image, such as val_17.JPEG", f.path)
		}
		number[f.path] = n
	}
	slices.SortStableFunc(t.files[Test], func(a, b imageFile) int { return number[a.path] - number[b.path] })
	return nil
}

// part reads the layout of some classes.
func (t *tiny) part() error {
	words := map[string]string{}
	err := t.lines("classes.txt", func(_ int, f []string) error {
		if len(f) < 2 || words[f[1]] != "" {
			return fmt.Errorf("found %.80q, expected number, WordNet id (each once) and words, with tabs between",
				strings.Join(f, "\t"))
		}
		t.ids = append(t.ids, f[1])
		words[f[1]] = firstWord(strings.Join(f[2:], ""), f[1])
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(t.ids)
	for _, id := range t.ids {
		t.names = append(t.names, words[id])
	}
	t.name = fmt.Sprintf("%s-%d", t.name, len(t.ids))
	if err := t.list(Train, "train"); err != nil {
		return err
	}
	return t.list(Test, "val")
}

// firstWord returns the first of words with commas between.
func firstWord(words, id string) string {
	first, _, _ := strings.Cut(words, ",")
	if first == "" {
		return id
	}
	return first
}

// list takes the images in folders of the classes.
func (t *tiny) list(p Part, dir string) error {
	found, files, err := t.images(dir, nil)
	if err != nil {
		return err
	}
	if !slices.Equal(found, t.ids) {
		return fmt.Errorf("%s: found the folders of %d classes, expected those of the %d in the list of classes", dir,
			len(found), len(t.ids))
	}
	t.files[p] = files
	return nil
}

// count wants as many images of each class.
func (t *tiny) count(p Part, want int) error {
	n := make([]int, len(t.ids))
	for _, f := range t.files[p] {
		n[f.label]++
	}
	for k, found := range n {
		if found != want {
			return fmt.Errorf("%s part: class %s: found %d images, expected %d", p, t.ids[k], found, want)
		}
	}
	return nil
}
