package data

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// imageFile is a file of a folder and its class.
type imageFile struct {
	path  string // below the folder, with slashes
	label uint16
}

// maxClasses is what fits a label.
const maxClasses = 1 << 16

// readable and unreadable are the extensions, in small letters, of image files
// that are read, and of those that torchvision would read and this package does
// not. Other files are passed over.
var (
	readable   = []string{".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp"}
	unreadable = []string{".ppm", ".pgm", ".tif", ".tiff"}
)

// OpenFolder reads image files (JPEG, PNG, GIF, BMP, WebP) that lie in a folder for
// each class, in dir/class or, for the two parts, in dir/train/class and
// dir/val/class (or dir/test/class where there is no val). Folders below that of
// the class belong to it. Without parts, options.TestEvery makes them.
//
// Classes and images are in the order of torchvision's ImageFolder, which is
// Python's sorted: by the code points of names, so that 10.png comes before
// 2.png. Pixels are those of decodeImage, resized. All images are decoded at
// once and kept; that takes 3 bytes a pixel.
//
// No path leaves dir: links out of it, and links to folders, are errors. A file
// that is broken is named.
func OpenFolder(dir string, o FolderOptions) (train, test Dataset, err error) {
	if err := o.Validate(); err != nil {
		return nil, nil, fmt.Errorf("folder: %w", err)
	}
	root, err := openRoot("folder", dir)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	parts := [2]string{"train", "val"}
	has := func(name string) bool { info, err := root.Stat(name); return err == nil && info.IsDir() }
	if !has("val") {
		parts[Test] = "test"
	}
	var classes []string
	var files [2][]imageFile
	switch {
	case has("train") && has(parts[Test]):
		if classes, files[Train], err = listImages(root, "train", nil); err == nil {
			_, files[Test], err = listImages(root, parts[Test], classes)
		}
	case has("train"):
		err = fmt.Errorf("found the folder train, but neither val nor test beside it")
	case o.TestEvery == 0:
		err = fmt.Errorf("found no folders train and val (or test), and test_every is 0: expected parts for training and testing")
	default:
		var all []imageFile
		if classes, all, err = listImages(root, ".", nil); err == nil {
			files = everyNth(all, o.TestEvery)
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("folder: %s: %w", dir, err)
	}
	var out [2]Dataset
	for p, list := range files {
		if len(list) == 0 {
			return nil, nil, fmt.Errorf("folder: %s: found no images for the %s part", dir, Part(p))
		}
		out[p], err = load(root, fmt.Sprintf("folder-%s/%s", o, Part(p)), list, classes, o.Size, func(dst []uint8, r raster) error { return r.fit(dst, o) })
		if err != nil {
			return nil, nil, fmt.Errorf("folder: %s: %w", dir, err)
		}
	}
	return out[Train], out[Test], nil
}

// openRoot opens dir so that no path in it can lead outside.
func openRoot(set, dir string) (*os.Root, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: data folder: %w", set, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s: data folder: %s is a file, expected a folder (an archive must be unpacked first)", set, dir)
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

// listImages returns the classes in dir, which are its folders, and their images.
// If classes are given, there must be no others.
func listImages(root *os.Root, dir string, classes []string) ([]string, []imageFile, error) {
	entries, err := fs.ReadDir(root.FS(), dir) // sorted by name
	if err != nil {
		return nil, nil, err
	}
	given := classes != nil
	var names []string
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		if isFolder, err := folderEntry(root, p, e); err != nil {
			return nil, nil, err
		} else if isFolder {
			names = append(names, e.Name())
		}
	}
	if !given {
		classes = names
	}
	if len(names) == 0 || len(names) > maxClasses {
		return nil, nil, fmt.Errorf("%s: found %d folders, expected one for each of 1 to %d classes", dir, len(names), maxClasses)
	}
	var files []imageFile
	for _, name := range names {
		label, ok := slices.BinarySearch(classes, name)
		if !ok {
			return nil, nil, fmt.Errorf("%s: the class %q is not in the training part", dir, name)
		}
		paths, err := imagesBelow(root, path.Join(dir, name))
		if err != nil {
			return nil, nil, err
		}
		if len(paths) == 0 {
			return nil, nil, fmt.Errorf("%s: found no image (%s)", path.Join(dir, name), strings.Join(readable, ", "))
		}
		for _, p := range paths {
			files = append(files, imageFile{p, uint16(label)})
		}
	}
	return classes, files, nil
}

// folderEntry tells whether an entry is a folder. A link to one is an error.
func folderEntry(root *os.Root, p string, e fs.DirEntry) (bool, error) {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir(), nil
	}
	info, err := root.Stat(p)
	if err != nil {
		return false, fmt.Errorf("link %w", err) // names path and reason, such as "path escapes from parent"
	}
	if info.IsDir() {
		return false, fmt.Errorf("%s: found a link to a folder, expected the folder itself", p)
	}
	return false, nil
}

// imagesBelow returns the images in dir and its subfolders: folders sorted by
// their path, and in each the files by name.
func imagesBelow(root *os.Root, dir string) ([]string, error) {
	folders, byFolder := []string{dir}, map[string][]string{}
	for i := 0; i < len(folders); i++ {
		d := folders[i]
		entries, err := fs.ReadDir(root.FS(), d)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			p := path.Join(d, e.Name())
			isFolder, err := folderEntry(root, p, e)
			if err != nil {
				return nil, err
			}
			switch ext := strings.ToLower(path.Ext(e.Name())); {
			case isFolder:
				folders = append(folders, p)
			case slices.Contains(readable, ext):
				byFolder[d] = append(byFolder[d], p)
			case slices.Contains(unreadable, ext):
				return nil, fmt.Errorf("%s: files of type %s are not read, expected %s", p, ext, strings.Join(readable, ", "))
			}
		}
	}
	slices.Sort(folders)
	var paths []string
	for _, d := range folders {
		paths = append(paths, byFolder[d]...)
	}
	return paths, nil
}

// load decodes the files, on all cores. The error is that of the first file in
// their order that is wrong.
func load(root *os.Root, name string, files []imageFile, classes []string, size [2]int, fit func(dst []uint8, r raster) error) (*images, error) {
	d := newImages(name, len(files), size[0], size[1], 3, classes)
	errs := make([]error, len(files))
	var next, stop atomic.Int64
	stop.Store(int64(len(files)))
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= stop.Load() {
					return
				}
				d.labels[i] = files[i].label
				if errs[i] = loadOne(root, files[i].path, d.Image(int(i)), fit); errs[i] != nil {
					stop.Store(min(i, stop.Load()))
				}
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", files[i].path, err)
		}
	}
	return d, nil
}

func loadOne(root *os.Root, path string, dst []uint8, fit func(dst []uint8, r raster) error) error {
	info, err := root.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("found something that is not a regular file (%s)", info.Mode().Type())
	}
	b, err := root.ReadFile(path)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return fmt.Errorf("file is empty, expected an image")
	}
	r, err := decodeImage(b)
	if err != nil {
		return err
	}
	return fit(dst, r)
}
