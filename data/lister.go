package data

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// imageFile is a file of a folder and its class.
type imageFile struct {
	path  string // below the folder, with slashes
	label uint16
}

// Skipped is a file that was left out, and why.
type Skipped struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

// unreadableError is about one file that cannot be read as an image.
type unreadableError struct {
	file   string
	reason error
}

func (e *unreadableError) Error() string { return e.file + ": " + e.reason.Error() }
func (e *unreadableError) Unwrap() error { return e.reason }

// maxClasses is what fits a label.
const maxClasses = 1 << 16

// readable and unreadable are the extensions, in small letters, of image files
// that are read, and of those that torchvision would read and this package does
// not. Other files are passed over.
var (
	readable   = []string{".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp"}
	unreadable = []string{".ppm", ".pgm", ".tif", ".tiff"}
)

// lister finds and loads the images below a folder.
type lister struct {
	root    *os.Root
	dir     string // of root
	skip    bool   // files that cannot be read are left out
	skipped []Skipped
}

// unreadable leaves a file out, or returns the error that it is.
func (l *lister) unreadable(file string, reason error) error {
	if !l.skip {
		return &unreadableError{file, reason}
	}
	l.skipped = append(l.skipped, Skipped{file, reason.Error()})
	return nil
}

// entries returns what is in a folder, sorted by name. Names need not be UTF-8.
func (l *lister) entries(dir string) ([]fs.DirEntry, error) {
	f, err := l.root.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: the folder cannot be opened: %w", dir, reasonOf(err))
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, fmt.Errorf("%s: the folder cannot be listed: %w", dir, reasonOf(err))
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// reasonOf drops the name of the operation and the path from an error.
func reasonOf(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// images returns the classes in dir, which are its folders, and their images.
// If classes are given, there must be no others.
func (l *lister) images(dir string, classes []string) ([]string, []imageFile, error) {
	entries, err := l.entries(dir)
	if err != nil {
		return nil, nil, err
	}
	given := classes != nil
	var names []string
	for _, e := range entries {
		k, err := l.kind(path.Join(dir, e.Name()), e)
		if err != nil {
			return nil, nil, err
		}
		if k == isFolder {
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
		paths, err := l.below(path.Join(dir, name))
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

// kind is what an entry of a folder is to be treated as.
type kind int

const (
	isFile kind = iota
	isFolder
	isLeadingOut // a link that leads out of the folder, or nowhere
)

// kind tells what an entry is. A link to a folder is an error.
func (l *lister) kind(p string, e fs.DirEntry) (kind, error) {
	if e.Type()&fs.ModeSymlink == 0 {
		if e.IsDir() {
			return isFolder, nil
		}
		return isFile, nil
	}
	info, err := l.root.Stat(p)
	if err == nil && info.IsDir() {
		return 0, fmt.Errorf("%s: found a link to a folder, expected the folder itself", p)
	}
	if err == nil {
		return isFile, nil
	}
	if info, err := os.Stat(filepath.Join(l.dir, filepath.FromSlash(p))); err == nil && info.IsDir() {
		return 0, fmt.Errorf("%s: found a link to a folder outside of %s, expected the folder itself: links must stay inside", p, l.dir)
	}
	return isLeadingOut, nil
}

// leadsOut says where a link leads that leads out of the folder.
func (l *lister) leadsOut(p string) error {
	target, err := l.root.Readlink(p)
	if err != nil {
		return reasonOf(err)
	}
	if _, err := os.Stat(filepath.Join(l.dir, filepath.FromSlash(p))); err != nil {
		return fmt.Errorf("found a link to %s, where no file is", target)
	}
	return fmt.Errorf("found a link to %s, which is outside of the folder: links must stay inside", target)
}

// below returns the images in dir and its subfolders: folders sorted by
// their path, and in each the files by name.
func (l *lister) below(dir string) ([]string, error) {
	folders, byFolder := []string{dir}, map[string][]string{}
	for i := 0; i < len(folders); i++ {
		d := folders[i]
		entries, err := l.entries(d)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			p := path.Join(d, e.Name())
			k, err := l.kind(p, e)
			if err != nil {
				return nil, err
			}
			ext := strings.ToLower(path.Ext(e.Name()))
			image := slices.Contains(readable, ext)
			switch {
			case k == isFolder:
				folders = append(folders, p)
			case image && k == isLeadingOut:
				err = l.unreadable(p, l.leadsOut(p))
			case image:
				byFolder[d] = append(byFolder[d], p)
			case slices.Contains(unreadable, ext):
				err = l.unreadable(p, fmt.Errorf("files of type %s are not read, expected %s", ext, strings.Join(readable, ", ")))
			}
			if err != nil {
				return nil, err
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
