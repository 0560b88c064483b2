package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"

	"github.com/locimem/locimem/internal/atomicfile"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/ssl"
)

// Log is log.jsonl: one JSON object an epoch, in the order in which the epochs
// ended. Its methods may be called from several goroutines.
type Log struct {
	mu      sync.Mutex
	path    string
	records []ssl.Record
}

// OpenLog reads the log at path; one that does not exist is empty. A last line
// that was cut off, by a crash in the middle of writing, is left out. Other lines
// that are not records are errors.
func OpenLog(path string) (*Log, error) {
	l := &Log{path: path}
	src, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	n := 0
	for line := range bytes.Lines(src) {
		n++
		var r ssl.Record
		if err := json.Unmarshal(line, &r); err != nil {
			if !bytes.HasSuffix(line, []byte("\n")) { // the last one, cut off
				break
			}
			return nil, fmt.Errorf("%s:%d: not a record of an epoch: %w", path, n, err)
		}
		l.records = append(l.records, r)
	}
	return l, nil
}

// Rewind removes the records of an encoder after that many epochs: a training
// that continues from there writes them again.
func (l *Log) Rewind(encoder memorize.Side, epochs int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = slices.DeleteFunc(l.records, func(r ssl.Record) bool {
		return r.Encoder == encoder.String() && r.Epoch > epochs
	})
	return atomicfile.Write(l.path, func(w io.Writer) error {
		for i := range l.records {
			if err := json.NewEncoder(w).Encode(&l.records[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Add appends a record. It is on disk when Add returns.
func (l *Log) Add(r ssl.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	line, err := json.Marshal(&r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	l.records = append(l.records, r)
	return nil
}

// Records returns the records of an encoder by epoch.
func (l *Log) Records(encoder memorize.Side) []ssl.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []ssl.Record
	for _, r := range l.records {
		if r.Encoder == encoder.String() {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b ssl.Record) int { return a.Epoch - b.Epoch })
	return out
}
