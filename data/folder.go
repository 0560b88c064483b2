package data

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

var _ = Register(Source{
	Name:  "folder",
	About: "JPEG, PNG, GIF, BMP and WebP files, a folder for each class\ndata.folder: how they are resized",
	Shape: [3]int{0, 0, 3},
	Read:  func(dir, _ string, o FolderOptions) (Dataset, Dataset, error) { return OpenFolder(dir, o) },
})

// OpenFolder reads image files (JPEG, PNG, GIF, BMP, WebP) that lie in a folder for
// each class, in dir/class or, for the two parts, in dir/train/class and
// dir/val/class (or dir/test/class where there is no val). Folders below that of
// the class belong to it. Without parts, o.TestEvery makes them.
//
// Classes and images are in the order of torchvision's ImageFolder, which is
// Python's sorted: by the code points of names, so that 10.png comes before
// 2.png. Pixels are those of decodeImage, resized. All images are decoded at
// once and kept; that takes 3 bytes a pixel.
//
// No path leaves dir: images that are links out of it, and links to folders, are
// errors. A file that is broken is named, or left out with o.SkipUnreadable: the
// images are then those of the folder without it (SkippedOf lists it).
func OpenFolder(dir string, o FolderOptions) (train, test Dataset, err error) {
	if err := o.Validate(); err != nil {
		return nil, nil, fmt.Errorf("folder: %w", err)
	}
	root, err := openRoot("folder", dir)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	l := &lister{root: root, dir: dir, skip: o.SkipUnreadable}
	out, err := l.open(o)
	if err != nil {
		var file *unreadableError
		if errors.As(err, &file) {
			err = fmt.Errorf("%w; data.folder.skip_unreadable: true leaves such files out", err)
		}
		return nil, nil, fmt.Errorf("folder: %s: %w", dir, err)
	}
	return out[Train], out[Test], nil
}

// open lists and loads both parts.
func (l *lister) open(o FolderOptions) (out [2]*images, err error) {
	parts, err := l.findParts(o)
	if err != nil {
		return out, err
	}
	to := target{name: fmt.Sprintf("folder-%s", o), size: o.Size, fit: func(dst []uint8,
		r raster) error {
		return r.fit(dst, o)
	}}
	var files [2][]imageFile
	switch {
	case parts.train != "":
		if to.classes, files[Train], err = l.images(parts.train, nil); err != nil {
			return out, err
		}
		_, files[Test], err = l.images(parts.test, to.classes)
	case o.TestEvery == 0:
		err = fmt.Errorf("found no folders train and val (or test), and test_every is 0: expected parts for training " +
			"and testing")
	default:
		var all []imageFile
		if to.classes, all, err = l.images(".", nil); err == nil && l.skip {
			out, err = l.loadEveryNth(to, all, o.TestEvery)
		}
		files = everyNth(all, o.TestEvery)
	}
	if err != nil {
		return out, err
	}
	for p, list := range files {
		if len(list) == 0 {
			return out, fmt.Errorf("found no images for the %s part", Part(p))
		}
		if out[p] == nil {
			if out[p], _, err = l.load(to, Part(p), list); err != nil {
				return out, err
			}
		}
		out[p].notes = parts.notes
	}
	out[Train].skipped, out[Test].skipped = l.skippedIn(parts.test)
	return out, nil
}

// loadEveryNth loads what can be read and makes every nth image of that one of the test
// part, so that files that cannot be read change nothing.
func (l *lister) loadEveryNth(to target, files []imageFile, n int) (out [2]*images, err error) {
	all, kept, err := l.load(to, Train, files)
	if err != nil {
		return out, err
	}
	at := map[string]int{}
	for i, f := range kept {
		at[f.path] = i
	}
	for p, list := range everyNth(kept, n) {
		if len(list) == 0 {
			return out, fmt.Errorf("found no images for the %s part", Part(p))
		}
		d := to.images(Part(p), list)
		for i, f := range list {
			copy(d.Image(i), all.Image(at[f.path]))
		}
		out[p] = d
	}
	return out, nil
}

// skippedIn divides what was left out into what lies in a folder and the rest before it.
func (l *lister) skippedIn(test string) (train, inTest []Skipped) {
	for _, s := range l.skipped {
		if test != "" && strings.HasPrefix(s.File, test+"/") {
			inTest = append(inTest, s)
		} else {
			train = append(train, s)
		}
	}
	return train, inTest
}

// openRoot opens dir so that no path in it can lead outside.
func openRoot(set, dir string) (*os.Root, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: data folder: %w", set, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s: data folder: %s is a file, expected a folder (an archive must be unpacked first)", set,
			dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: data folder: %w", set, err)
	}
	return root, nil
}

// everyNth splits the images of each class.
func everyNth(all []imageFile, n int) (parts [2][]imageFile) {
	seen := map[uint16]int{}
	for _, f := range all {
		p := Train
		if seen[f.label]++; seen[f.label]%n == 0 {
			p = Test
		}
		parts[p] = append(parts[p], f)
	}
	return parts
}
