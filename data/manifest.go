package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/locimem/locimem/internal/atomicfile"
)

// splitVersion is raised when the meaning of split.json changes.
const splitVersion = 1

// maxManifest bounds what is read as a manifest: 80 bytes an image make 100 MB
// enough for a million images.
const maxManifest = 1 << 27

// manifest is the form of split.json.
type manifest struct {
	Version int `json:"version"` // of the meaning of this file
	// Train and Test describe the two parts of the data.
	Train   part         `json:"train"`
	Test    part         `json:"test"`
	Options SplitOptions `json:"options"` // what the split was made with
	Sets    manifestSets `json:"sets"`    // the four sets
	SHA256  string       `json:"sha256"`  // over the four sets, see Split.Hash
}

type manifestSets struct {
	// Shared, Candidate and Independent are indices into the training part.
	Shared      manifestSet `json:"shared"`
	Candidate   manifestSet `json:"candidate"`
	Independent manifestSet `json:"independent"`
	External    manifestSet `json:"external"` // indices into the test part
}

type manifestSet struct {
	Images  int      `json:"images"`  // number of images
	Indices []int    `json:"indices"` // of the images in their part of the data
	SHA256  []string `json:"sha256"`  // of each image, see Hash
}

// hashes returns the hash of each image of a set, in hexadecimal.
func hashes(s set, train, test Dataset) []string {
	d := train
	if s.external {
		d = test
	}
	out := make([]string, len(s.indices))
	for k, i := range s.indices {
		sum := Hash(d, i)
		out[k] = hex.EncodeToString(sum[:])
	}
	return out
}

// Hash returns a SHA-256, in hexadecimal, over the sets: their names, sizes,
// indices and images. Splits of equal hash give the same training data in the
// same order.
func (s *Split) Hash() string {
	h := sha256.New()
	var b [8]byte
	for k, set := range s.sets() {
		io.WriteString(h, set.name)
		binary.LittleEndian.PutUint64(b[:], uint64(len(set.indices)))
		h.Write(b[:])
		for j, i := range set.indices {
			binary.LittleEndian.PutUint64(b[:], uint64(i))
			h.Write(b[:])
			io.WriteString(h, s.sha256[k][j])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Write writes the manifest, split.json in a run directory: the names and sizes
// of the data, how the split was made, and the index and SHA-256 of every image
// of every set. The file appears whole or not at all.
func (s *Split) Write(path string) error {
	m := manifest{Version: splitVersion, Train: s.train, Test: s.test, Options: s.Options, SHA256: s.Hash()}
	for k, into := range m.Sets.all() {
		set := s.sets()[k]
		*into = manifestSet{Images: len(set.indices), Indices: set.indices, SHA256: s.sha256[k]}
	}
	return atomicfile.Write(path, func(w io.Writer) error { return json.NewEncoder(w).Encode(m) })
}

// all returns the sets in the order of Split.sets.
func (m *manifestSets) all() [4]*manifestSet {
	return [4]*manifestSet{&m.Shared, &m.Candidate, &m.Independent, &m.External}
}

// ReadSplit reads what Write wrote. A file of another version, sets that
// overlap or leave the data, lists of different lengths and a hash that does not
// fit are errors that name the field.
func ReadSplit(path string) (*Split, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := readManifest(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func readManifest(r io.Reader) (*Split, error) {
	var m manifest
	d := json.NewDecoder(io.LimitReader(r, maxManifest))
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("not a split: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("not a split: something follows after the end")
	}
	if m.Version != splitVersion {
		return nil, fmt.Errorf("version: found %d, expected %d", m.Version, splitVersion)
	}
	s := &Split{Options: m.Options, train: m.Train, test: m.Test}
	into := [4]*[]int{&s.Shared, &s.Candidate, &s.Independent, &s.External}
	for k, set := range m.Sets.all() {
		field := "sets." + s.sets()[k].name
		if len(set.Indices) != set.Images || len(set.SHA256) != set.Images {
			return nil, fmt.Errorf("%s: found %d indices and %d hashes, expected %d of each", field, len(set.Indices), len(set.SHA256), set.Images)
		}
		*into[k], s.sha256[k] = set.Indices, set.SHA256
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("sets.%w", err)
	}
	if found := s.Hash(); found != m.SHA256 {
		return nil, fmt.Errorf("sha256: found %q, expected %q from the sets in the file", m.SHA256, found)
	}
	return s, nil
}

// Verify tells whether train and test are the data that the split was made
// from. The error names the first thing that differs: a name, a number, a shape,
// or the set and index of an image.
func (s *Split) Verify(train, test Dataset) error {
	for _, p := range []struct {
		field       string
		found, want part
	}{{"train", partOf(train), s.train}, {"test", partOf(test), s.test}} {
		switch {
		case p.found.Name != p.want.Name:
			return fmt.Errorf("split: %s: found the data set %s, expected %s", p.field, p.found.Name, p.want.Name)
		case p.found.Images != p.want.Images:
			return fmt.Errorf("split: %s: %s has %d images, expected %d", p.field, p.found.Name, p.found.Images, p.want.Images)
		case p.found.Shape != p.want.Shape:
			return fmt.Errorf("split: %s: %s has images of shape %v, expected %v", p.field, p.found.Name, p.found.Shape, p.want.Shape)
		}
	}
	for k, set := range s.sets() {
		for j, found := range hashes(set, train, test) {
			if want := s.sha256[k][j]; found != want {
				name := s.train.Name
				if set.external {
					name = s.test.Name
				}
				return fmt.Errorf("split: %s: image %d of %s is not the one that the split was made with: found SHA-256 %s, expected %s",
					set.name, set.indices[j], name, found, want)
			}
		}
	}
	return nil
}
