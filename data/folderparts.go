package data

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// folderParts are the folders of the two parts, "" for both where there are none.
type folderParts struct {
	train, test string
	notes       []string // what was taken for what
}

// Names of parts, in small letters, by how well they are known: the first that is there
// counts.
var (
	trainNames = []string{"train", "training"}
	testNames  = []string{"val", "test", "valid", "validation", "testing"}
)

// topFolder is a folder at the top of the data.
type topFolder struct {
	name    string
	folders []string // in it
	images  bool     // images lie in it, not only in folders of it
}

// likePart tells whether a folder has the name of a part, in any case.
func (f topFolder) likePart(names []string) bool {
	return slices.Contains(names, strings.ToLower(f.name))
}

// findParts finds out which folders are parts and which are classes. A part holds
// folders; what has the name of a part and holds images alone is a class among other
// classes. Where both may be meant it asks for parts.
func (l *lister) findParts(o FolderOptions) (folderParts, error) {
	tops, err := l.tops()
	if err != nil {
		return folderParts{}, err
	}
	if o.Parts == "none" {
		return folderParts{}, nil
	}
	if train, test, ok := strings.Cut(o.Parts, "/"); ok {
		for _, name := range []string{train, test} {
			if !slices.ContainsFunc(tops, func(f topFolder) bool { return f.name == name }) {
				return folderParts{}, fmt.Errorf("data.folder.parts: found no folder %s", name)
			}
		}
		return folderParts{train: train, test: test}, nil
	}
	train, err := pick(tops, trainNames)
	if err != nil {
		return folderParts{}, err
	}
	test, err := pick(tops, testNames)
	if err != nil {
		return folderParts{}, err
	}
	const ask = "data.folder.parts: TRAIN/TEST names the folders of two parts, none takes every folder for a class"
	switch {
	case train != "" && test != "":
		return folderParts{train, test, partNotes(tops, train, test)}, nil
	case train != "":
		return folderParts{}, fmt.Errorf("found the folder %s, but neither val nor test next to it (%s)", train, ask)
	}
	var flat [2][]string // named like parts, but holding images alone
	others := 0
	for _, f := range tops {
		switch {
		case f.likePart(trainNames):
			flat[Train] = append(flat[Train], f.name)
		case f.likePart(testNames) && len(f.folders) > 0 && !f.images:
			return folderParts{},
				fmt.Errorf("found the folder %s, which looks like a part, but no training part next to it (%s)", f.name, ask)
		case f.likePart(testNames):
			flat[Test] = append(flat[Test], f.name)
		default:
			others++
		}
	}
	named := slices.Concat(flat[:]...)
	if len(named) > 0 && (others == 0 || len(flat[Train]) > 0 && len(flat[Test]) > 0) {
		return folderParts{}, fmt.Errorf("%s: found images of its own, expected a folder for each class in a part (%s)",
			strings.Join(named, ", "), ask)
	}
	var notes []string
	for _, name := range named {
		notes = append(notes, fmt.Sprintf("the folder %s holds images of its own: taken for a class, not for a part", name))
	}
	return folderParts{notes: append(notes, twinNotes(tops)...)}, nil
}

// tops returns the folders at the top.
func (l *lister) tops() (out []topFolder, err error) {
	entries, err := l.entries(".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		// A part may be a link to a folder next to it.
		if info, err := l.root.Stat(e.Name()); err != nil || !info.IsDir() {
			continue
		}
		f := topFolder{name: e.Name()}
		inner, _ := l.entries(e.Name()) // one that cannot be listed is an error if it is needed
		for _, i := range inner {
			if i.IsDir() && !strings.HasPrefix(i.Name(), ".") {
				f.folders = append(f.folders, i.Name())
			}
			f.images = f.images || !i.IsDir() && slices.Contains(readable, strings.ToLower(path.Ext(i.Name())))
		}
		out = append(out, f)
	}
	return out, nil
}

// pick returns the folder that is the part with one of the names, "" if none is.
// The exact name comes before others, such as Train.
func pick(tops []topFolder, names []string) (string, error) {
	for _, name := range names {
		var like []string
		for _, f := range tops {
			switch {
			case len(f.folders) == 0 || !strings.EqualFold(f.name, name):
			case f.name == name:
				return name, nil
			default:
				like = append(like, f.name)
			}
		}
		if len(like) > 1 {
			return "", fmt.Errorf("found the folders %s, expected one (data.folder.parts: TRAIN/TEST says which)",
				strings.Join(like, " and "))
		}
		if len(like) == 1 {
			return like[0], nil
		}
	}
	return "", nil
}

// partNotes says what was taken for parts where the names are not the usual ones, and
// what was passed over.
func partNotes(tops []topFolder, train, test string) (notes []string) {
	if train != "train" || test != "val" && test != "test" {
		notes = append(notes, fmt.Sprintf("the folder %s is taken for the training part, %s for the test part", train, test))
	}
	var passed []string
	for _, f := range tops {
		if f.name != train && f.name != test {
			passed = append(passed, f.name)
		}
	}
	if len(passed) > 0 {
		notes = append(notes, fmt.Sprintf("next to %s and %s, passed over: %s (data.folder.parts: TRAIN/TEST takes others)",
			train, test, firstFew(passed)))
	}
	return notes
}

// twinNotes says so where all folders hold folders of the same names, as parts do.
func twinNotes(tops []topFolder) []string {
	if len(tops) < 2 || len(tops) > 3 || len(tops[0].folders) < 2 {
		return nil
	}
	for _, f := range tops {
		if f.images || !slices.Equal(f.folders, tops[0].folders) {
			return nil
		}
	}
	return []string{fmt.Sprintf("the folders %s and %s hold folders of the same names (%s) and are taken for classes: "+
		"data.folder.parts: %[1]s/%[2]s takes them for parts", tops[0].name, tops[1].name, firstFew(tops[0].folders))}
}

// firstFew joins names, 20 at most.
func firstFew(names []string) string {
	const most = 20
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
