package weights

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Convert is the command that makes safetensors of what torch.save wrote: all tensors
// of nested dicts, under their keys joined by dots.
const Convert = `python3 -c "import sys, torch, safetensors.torch as s; ` +
	`f = lambda d, p: {k: t for n, v in d.items() for k, t in (f(v, p + str(n) + '.') if isinstance(v, dict) else {p ` +
	`+ str(n): v}).items() if torch.is_tensor(t)}; ` +
	`s.save_file({k: t.clone().contiguous() for k, t in f(torch.load(sys.argv[1], map_location='cpu', ` +
	`weights_only=True), '').items()}, sys.argv[2])" IN OUT.safetensors`

// otherKind says what a file is that is known to be no safetensors; nil if it may be.
func otherKind(r io.ReaderAt, size int64) error {
	start := make([]byte, min(size, 512))
	if _, err := r.ReadAt(start, 0); err != nil && err != io.EOF {
		return err
	}
	begins := func(s string) bool { return bytes.HasPrefix(start, []byte(s)) }
	text := strings.ToLower(string(bytes.TrimLeft(start, " \t\r\n\ufeff")))
	switch {
	case begins("version https://git-lfs"):
		m := regexp.MustCompile(`(?m)^size (\d+)$`).FindSubmatch(start)
		of := ""
		if m != nil {
			of = fmt.Sprintf(" (of %s bytes)", m[1])
		}
		return fmt.Errorf("a Git LFS pointer in the place of the file%s, expected safetensors: run 'git lfs pull' in "+
			"the clone, or download the file itself", of)
	case begins("PK\x03\x04") && len(start) > 30 && bytes.Contains(start[30:], []byte(".npy")):
		return errors.New("a NumPy archive (.npz), expected safetensors: in Python, " +
			"safetensors.numpy.save_file(dict(numpy.load(IN)), OUT)")
	case begins("PK\x03\x04"), len(start) > 1 && start[0] == 0x80 && start[1] >= 2 && start[1] <= 5:
		return errors.New("a zip archive or a pickle, as torch.save writes them, expected safetensors: in Python, " +
			"safetensors.torch.save_file(state_dict, path), or in one command:\n  " + Convert)
	case begins("\x89HDF"):
		return errors.New("HDF5, as Keras writes it, expected safetensors")
	case begins("GGUF"):
		return errors.New("GGUF, expected safetensors")
	case begins("\x93NUMPY"):
		return errors.New("a NumPy array (.npy), expected safetensors")
	case strings.HasPrefix(text, "<!doctype html"), strings.HasPrefix(text, "<html"):
		return errors.New("an HTML page, expected safetensors: a download of the page about the file, not of the file")
	case begins("{"):
		if bytes.Contains(start, []byte(`"weight_map"`)) || bytes.Contains(start, []byte(`"total_size"`)) {
			return fmt.Errorf("the index of a model in several files, expected a name that ends with %s", indexSuffix)
		}
		return errors.New("JSON, expected safetensors: a model's settings, not its weights?")
	}
	return nil
}

// indexSuffix ends the name of an index.
const indexSuffix = ".index.json"

func isIndex(path string) bool { return strings.HasSuffix(path, indexSuffix) }

// inFolder returns a file of weights in a folder, a usual name if there is none.
func inFolder(dir string) string {
	for _, name := range []string{"model.safetensors" + indexSuffix, "model.safetensors"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return filepath.Join(dir, name)
		}
	}
	return filepath.Join(dir, "model.safetensors")
}

// openIndex opens the files that an index names: {"weight_map": {tensor: file}}.
func openIndex(path string, r io.Reader) (_ *File, err error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxHeader+1))
	if err == nil && len(raw) > maxHeader {
		err = fmt.Errorf("index: found more than %d bytes, expected fewer", maxHeader)
	}
	var index struct {
		Map map[string]string `json:"weight_map"`
	}
	if err == nil {
		if err = otherKind(bytes.NewReader(raw), int64(len(raw))); err != nil && bytes.HasPrefix(raw, []byte("{")) {
			err = nil
		}
	}
	if err == nil {
		if err = json.Unmarshal(raw, &index); err == nil && len(index.Map) == 0 {
			err = errors.New("weight_map: found none, expected the file of each tensor")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f := &File{path: path, header: header{entries: map[string]entry{}}}
	shards := map[string]*File{}
	f.close = func() error {
		var errs []error
		for _, s := range shards {
			errs = append(errs, s.Close())
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	files := slices.Compact(slices.Sorted(maps.Values(index.Map)))
	for _, name := range files {
		if name != filepath.Base(name) || isIndex(name) {
			return nil, fmt.Errorf("%s: weight_map: found the file %q, expected one beside the index", path, name)
		}
		s, err := Open(filepath.Join(filepath.Dir(path), name))
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%s: names %d files, of which %s is not there: all of them have to lie beside it", path,
				len(files), name)
		}
		if err != nil {
			return nil, err
		}
		shards[name] = s
	}
	for tensor, name := range index.Map {
		e, ok := shards[name].entries[tensor]
		if !ok {
			return nil, fmt.Errorf("%s: weight_map: tensor %q is not in %s", path, tensor, name)
		}
		e.shard = shards[name]
		f.entries[tensor] = e
	}
	return f, nil
}

var shardName = regexp.MustCompile(`^(.*?)[-_.]?(\d{5})-of-(\d{5})\.safetensors$`)

// notes says of a file that is one of several what it is.
func (f *File) notes() []string {
	m := shardName.FindStringSubmatch(filepath.Base(f.path))
	if m == nil {
		return nil
	}
	index := m[1] + ".safetensors" + indexSuffix
	where := "expected beside it, with all files"
	if _, err := os.Stat(filepath.Join(filepath.Dir(f.path), index)); err == nil {
		where = "which is beside it"
	}
	return []string{fmt.Sprintf("this is file %s of %s of one model: give the index, %s, %s",
		strings.TrimLeft(m[2], "0"), strings.TrimLeft(m[3], "0"), index, where)}
}
