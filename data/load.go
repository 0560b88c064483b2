package data

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
)

// maxFile bounds what is read as one image file.
const maxFile = 1 << 30

// target is what image files are made into.
type target struct {
	name    string // of the data; the part is added
	classes []string
	size    [2]int // height, width
	fit     func(dst []uint8, r raster) error
}

// images returns black images of the size and classes of files.
func (to target) images(p Part, files []imageFile) *images {
	d := newImages(fmt.Sprintf("%s/%s", to.name, p), len(files), to.size[0], to.size[1], 3, to.classes)
	for i, f := range files {
		d.labels[i] = f.label
	}
	d.file = func(i int) string { return files[i].path }
	return d
}

// load decodes the files, on all cores, and returns those that are kept: all, unless
// files that cannot be read are left out. Otherwise the error is that of the first file
// in their order that is wrong.
func (l *lister) load(to target, p Part, files []imageFile) (*images, []imageFile, error) {
	d := to.images(p, files)
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
				if errs[i] = loadOne(l.root, files[i].path, d.Image(int(i)), to.fit); errs[i] != nil && !l.skip {
					stop.Store(min(i, stop.Load()))
				}
			}
		})
	}
	wg.Wait()
	var kept []imageFile
	for i, err := range errs {
		if err == nil {
			copy(d.Image(len(kept)), d.Image(i))
			kept = append(kept, files[i])
		} else if err := l.unreadable(files[i].path, err); err != nil {
			return nil, nil, err
		}
	}
	if len(kept) == len(files) {
		return d, files, nil
	}
	if err := l.everyClass(files, kept, to.classes); err != nil {
		return nil, nil, err
	}
	out := to.images(p, kept)
	out.pixels = d.pixels[:len(out.pixels)]
	return out, kept, nil
}

// everyClass tells whether every class of files still has one.
func (l *lister) everyClass(files, kept []imageFile, classes []string) error {
	left := map[uint16]bool{}
	for _, f := range kept {
		left[f.label] = true
	}
	for _, f := range files {
		if !left[f.label] {
			last := l.skipped[len(l.skipped)-1]
			return fmt.Errorf("class %s: found no image that can be read (%s: %s)", classes[f.label], last.File, last.Reason)
		}
	}
	return nil
}

func loadOne(root *os.Root, path string, dst []uint8, fit func(dst []uint8, r raster) error) error {
	b, err := readIn(root, path, maxFile)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return errors.New("file is empty, expected an image")
	}
	r, err := decodeImage(b)
	if err != nil {
		return err
	}
	return fit(dst, r)
}

// readIn reads a regular file of at most so many bytes.
func readIn(root *os.Root, path string, most int64) ([]byte, error) {
	info, err := root.Stat(path)
	if err != nil {
		return nil, reasonOf(err)
	}
	if err := checkRegular(info, most); err != nil {
		return nil, err
	}
	f, err := root.Open(path)
	if err != nil {
		return nil, reasonOf(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("found more than %d bytes", most)
	}
	return b, err
}

// checkRegular tells whether a file is a regular one of at most so many bytes.
func checkRegular(info os.FileInfo, most int64) error {
	switch {
	case info.IsDir():
		return errors.New("found a folder, expected a file")
	case !info.Mode().IsRegular():
		return fmt.Errorf("found something that is not a regular file (%s)", info.Mode().Type())
	case info.Size() > most:
		return fmt.Errorf("found %d bytes, expected at most %d", info.Size(), most)
	}
	return nil
}
