package data

import "fmt"

// Filed is what a data set may also be: one that knows the file of each image.
type Filed interface {
	// File returns the file of image i: its path below the data's folder or, where a
	// file holds many images, the file and the number of the record, from 0. "" if
	// there is none.
	File(i int) string
}

// FileOf returns the file of image i of d (Filed), "" if it is not known.
func FileOf(d Dataset, i int) string {
	if f, ok := d.(Filed); ok {
		return f.File(i)
	}
	return ""
}

func (d *images) File(i int) string {
	if d.file == nil {
		return ""
	}
	return d.file(i)
}

// File is that of the image before it is resized.
func (r *reshaped) File(i int) string { return FileOf(r.Dataset, i) }

// File is that of the image that is repeated.
func (r *repeated) File(i int) string { return FileOf(r.Dataset, r.at(i)) }

// SkippedOf returns the files that were left out of a part of a folder of images because
// they cannot be read (FolderOptions.SkipUnreadable). Where the folder has no parts, they
// are with the training part.
func SkippedOf(d Dataset) []Skipped {
	if d, ok := d.(*images); ok {
		return d.skipped
	}
	return nil
}

// NotesOf returns what a reader guessed about the files of d, a sentence each.
func NotesOf(d Dataset) []string {
	if d, ok := d.(*images); ok {
		return d.notes
	}
	return nil
}

// SkippedNote says how many files were left out, and the first 20 of them; "" if none.
func SkippedNote(skipped []Skipped) string {
	if len(skipped) == 0 {
		return ""
	}
	names := make([]string, len(skipped))
	for i, s := range skipped {
		names[i] = s.File
	}
	return fmt.Sprintf("files left out because they cannot be read (data.folder.skip_unreadable): %d: %s", len(skipped), firstFew(names))
}
