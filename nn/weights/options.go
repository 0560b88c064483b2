package weights

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Options say how the names of a file are read. The zero value finds out by itself.
type Options struct {
	// Prefix is what stands before the encoder's names in a file that holds several,
	// NoPrefix for nothing; "" where there is one, which is found.
	Prefix string
	// Ignore are patterns of names to leave out, such as mlp_head.* ("*" is anything),
	// each for a whole name or for the end of one that begins behind a dot.
	Ignore []string
	// Rename are FROM=TO, carried out in their order before anything else but Ignore:
	// FROM is a regular expression (regexp/syntax), every match of which becomes TO, in
	// which $1 is what the first parentheses matched.
	Rename []string
}

// rewrite leaves out and renames tensors and returns their numbers. An option without
// effect is an error, and so are two tensors of one name.
func (f *File) rewrite(o Options) (ignored, renamed int, err error) {
	for _, pattern := range o.Ignore {
		n := 0
		for name := range f.entries {
			hit, err := matches(pattern, name)
			if err != nil {
				return 0, 0, err
			}
			if hit {
				delete(f.entries, name)
				n++
			}
		}
		if n == 0 {
			return 0, 0, fmt.Errorf("ignore: found no name that %q matches, expected at least one; there are %s",
				pattern, some(f.Names()))
		}
		ignored += n
	}
	for _, r := range o.Rename {
		from, to, ok := strings.Cut(r, "=")
		if !ok || from == "" {
			return 0, 0, fmt.Errorf("rename: found %q, expected FROM=TO", r)
		}
		exp, err := regexp.Compile(from)
		if err != nil {
			return 0, 0, fmt.Errorf("rename: found %q, expected a regular expression: %w", from, err)
		}
		entries, was, n := make(map[string]entry, len(f.entries)), map[string]string{}, 0
		for _, name := range f.Names() {
			e, new := f.entries[name], exp.ReplaceAllString(name, to)
			if other, twice := was[new]; twice {
				return 0, 0, fmt.Errorf("rename: %q makes %q of both %q and %q", r, new, min(other, name),
					max(other, name))
			}
			if new != name {
				n++
			}
			if e.stored == "" {
				e.stored = name
			}
			entries[new], was[new] = e, name
		}
		if n == 0 {
			return 0, 0, fmt.Errorf("rename: found no name that %q matches, expected at least one; there are %s",
				from, some(f.Names()))
		}
		f.entries = entries
		renamed += n
	}
	return ignored, renamed, nil
}

// matches tells whether a pattern is that of a name, or of its end behind a dot.
func matches(pattern, name string) (bool, error) {
	for {
		ok, err := path.Match(pattern, name)
		if err != nil {
			return false, fmt.Errorf("ignore: found %q, expected a pattern such as mlp_head.*: %w", pattern, err)
		}
		if ok {
			return true, nil
		}
		_, rest, more := strings.Cut(name, ".")
		if !more {
			return false, nil
		}
		name = rest
	}
}
