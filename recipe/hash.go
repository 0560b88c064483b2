package recipe

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/locimem/locimem/internal/settings"
	"github.com/locimem/locimem/memorize"
)

// hashVersion is raised when the same recipe comes to mean something else.
const hashVersion = 1

// trainSections are the parts of a recipe that decide the trained encoders.
var trainSections = []string{"seed", "data", "split", "encoder", "method", "augment", "train"}

// Hash returns the SHA-256, in hexadecimal, of all that determines the results
// of the recipe: not names and places of files, nor the number of threads.
func (r *Recipe) Hash() string { return r.hash(func(string) bool { return true }) }

// TrainHash is Hash of the parts that determine the trained encoders. Recipes
// that differ only in how encoders are scored have it in common.
func (r *Recipe) TrainHash() string {
	return r.hash(func(path string) bool {
		for _, s := range trainSections {
			if path == s || strings.HasPrefix(path, s+".") {
				return true
			}
		}
		return false
	})
}

func (r *Recipe) hash(include func(path string) bool) string {
	h := sha256.New()
	fmt.Fprintf(h, "locimem recipe %d\n", hashVersion)
	for _, line := range r.canonical() {
		if path, _, _ := strings.Cut(line, "="); include(path) {
			io.WriteString(h, line+"\n")
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// canonical returns a line "path=value" for each field that counts. Seeds stand
// with their value even where they are taken from the recipe's, and of views that
// have operations of their own only what differs.
func (r *Recipe) canonical() []string {
	c := *r
	split, f, g, score := r.SplitSeed(), r.TrainSeed(memorize.F), r.TrainSeed(memorize.G), r.ScoreSeed()
	c.Split.Seed, c.Train.SeedF, c.Train.SeedG, c.Score.Seed = &split, &f, &g, &score
	c.Augment.Second, c.Score.Augment = r.Augment.Second.Beside(r.Augment), r.Score.Augment.Beside(r.Augment)
	if !r.Train.Private.On() {
		c.Train.Private = Private{}
	}
	if len(r.Views()) == 1 {
		c.Augment.Second = nil
	}
	all := settings.Leaves(&c)
	values := texts(&c)
	var lines []string
	for _, l := range all {
		if counts(l, values) {
			lines = append(lines, l.Path+"="+values[l.Path])
		}
	}
	return lines
}

// counts tells whether a field is part of the hash: hash:"-" never is,
// hash:"path=value|value" only where that field has one of those values, and
// hash:"path!=value" only where it has another; hash:"given" where it is not null. A
// path without a dot is that of a field next to it.
// Several conditions are joined by &. Fields that came later do not
// count at the value that means what was there before them: runs keep their hash.
func counts(l settings.Leaf, values map[string]string) bool {
	for _, tag := range l.Tags {
		h := tag.Get("hash")
		if h == "-" || h == "given" && values[l.Path] == "null" {
			return false
		}
		for k := range eachCondition(h, l.Path) {
			if !k.holds(values) {
				return false
			}
		}
	}
	return true
}

// condition is that a field has one of some values, or none of them.
type condition struct {
	path   string
	values []string
	not    bool
}

// eachCondition yields the conditions in a tag of the field of that path.
func eachCondition(tag, of string) iter.Seq[condition] {
	return func(yield func(condition) bool) {
		if tag == "" || tag == "-" || tag == "given" {
			return
		}
		for text := range strings.SplitSeq(tag, "&") {
			path, list, _ := strings.Cut(text, "=")
			path, not := strings.CutSuffix(path, "!")
			if !strings.Contains(path, ".") {
				path = of[:strings.LastIndex(of, ".")+1] + path
			}
			if !yield(condition{path, strings.Split(list, "|"), not}) {
				return
			}
		}
	}
}

// holds tells whether the condition is met. It panics where there is no such field.
func (k condition) holds(values map[string]string) bool {
	value, known := values[k.path]
	if !known {
		panic("recipe: a tag names the field " + k.path + ", which does not exist")
	}
	return slices.Contains(k.values, value) != k.not
}

// wanted says what the field would have to be, if that is a list.
func (k condition) wanted() string {
	if k.not {
		return ""
	}
	return ", not " + strings.Join(k.values, " or ")
}

// Short is the part of a hash that is shown to people and stands in file names.
func Short(hash string) string { return hash[:12] }

// RunName is the name of the run's directory: the recipe's name and its hash.
func (r *Recipe) RunName() string { return r.Name + "-" + Short(r.Hash()) }
