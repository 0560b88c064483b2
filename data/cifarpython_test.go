package data

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pickled writes what Python 2 writes in protocol 2, as the official files have it.
type pickled struct{ b []byte }

func (p *pickled) raw(s string) { p.b = append(p.b, s...) }

func (p *pickled) text(s string) {
	if len(s) < 256 {
		p.b = append(p.b, 'U', byte(len(s)))
	} else {
		p.b = binary.LittleEndian.AppendUint32(append(p.b, 'T'), uint32(len(s)))
	}
	p.raw(s)
	p.raw("q\x07")
}

func (p *pickled) number(n int) { p.b = binary.LittleEndian.AppendUint16(append(p.b, 'M'), uint16(n)) }

// list writes items with a function, in runs of a thousand as Python does.
func (p *pickled) list(n int, item func(i int)) {
	p.raw("]r\x01\x00\x00\x00")
	for i := range n {
		if i%1000 == 0 {
			p.raw("(")
		}
		item(i)
		if i%1000 == 999 || i == n-1 {
			p.raw("e")
		}
	}
}

func (p *pickled) array(rows int, data []byte) {
	p.raw("cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\x09(K\x01")
	p.number(rows)
	p.number(cifarPixels)
	p.raw("\x86cnumpy\ndtype\nq\x0aU\x02u1K\x00K\x01\x87Rq\x0b" +
		"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89")
	p.text(string(data))
	p.raw("tb")
}

// pythonBatch turns n records of the binary version, with so many bytes before the
// pixels, into a file of the Python version. keys name the labels.
func pythonBatch(records []byte, n int, keys ...string) []byte {
	size := len(keys) + cifarPixels
	p := &pickled{}
	p.raw("\x80\x02}q\x01(")
	p.text("batch_label")
	p.text("training batch 1 of 5")
	for k, key := range keys {
		p.text(key)
		p.list(n, func(i int) { p.number(int(records[i*size+k])) })
	}
	var data []byte
	for i := range n {
		data = append(data, records[i*size+len(keys):(i+1)*size]...)
	}
	p.text("data")
	p.array(n, data)
	p.text("filenames")
	p.list(n, func(i int) { p.text(fmt.Sprintf("name_s_%d.png", i)) })
	p.raw("u.")
	return p.b
}

func pythonMeta(key string, names []string) []byte {
	p := &pickled{}
	p.raw("\x80\x02}(")
	p.text(key)
	p.list(len(names), func(i int) { p.text(names[i]) })
	p.raw("u.")
	return p.b
}

// same tells whether two data sets are the same data.
func same(t *testing.T, want, got Dataset) {
	t.Helper()
	assert.Equal(t, want.Name(), got.Name())
	assert.Equal(t, want.Classes(), got.Classes())
	require.Equal(t, want.Len(), got.Len())
	for i := range want.Len() {
		require.Equal(t, Hash(want, i), Hash(got, i), "image %d", i)
	}
}

// The Python version is the same data as the binary one.
func TestPythonCIFAR10(t *testing.T) {
	binary, outer := writeCIFAR(t, 7), t.TempDir()
	dir := filepath.Join(outer, "cifar-10-batches-py")
	for _, p := range []Part{Train, Test} {
		for _, f := range cifarFiles(p) {
			put(t, dir, strings.TrimSuffix(f, ".bin"), pythonBatch(cifarRecords(7), 7, "labels"))
		}
		want, err := OpenCIFAR10Part(binary, p, 7)
		require.NoError(t, err)
		for _, d := range []string{dir, outer} {
			got, err := OpenCIFAR10Part(d, p, 7)
			require.NoError(t, err)
			same(t, want, got)
		}
	}
	got, err := OpenCIFAR10Part(dir, Train, 7)
	require.NoError(t, err)
	assert.Equal(t, "data_batch_2, record 3 (name_s_3.png)", FileOf(got, 10))
	fromBinary, err := OpenCIFAR10Part(binary, Train, 7)
	require.NoError(t, err)
	assert.Equal(t, "data_batch_2.bin, record 3", FileOf(fromBinary, 10))

	names := strings.Fields("a b c d e f g h i j")
	put(t, dir, "batches.meta", pythonMeta("label_names", names))
	got, err = OpenCIFAR10Part(dir, Train, 7)
	require.NoError(t, err)
	assert.Equal(t, names, got.Classes())

	file := filepath.Join(dir, "data_batch_1")
	good := pythonBatch(cifarRecords(7), 7, "labels")
	for want, b := range map[string][]byte{
		"labels: item 0: found 10, expected 0 to 9": pythonBatch(append([]byte{10}, cifarRecords(7)[1:]...), 7,
			"labels"),
		"data: found an array of shape [6 3072], expected [7 30": pythonBatch(cifarRecords(7), 6, "labels"),
		"labels: found nothing, expected a list of 7":            pythonBatch(cifarRecords(7), 7, "label"),
		"the pickle ends too early":                              good[:len(good)/2],
		"found 2000000 bytes, expected at most 90624":            make([]byte, 2000000),
		`found "os.system", which is no array`:                   []byte("\x80\x02cos\nsystem\n(U\x02lstR."),
		"found the text \"x\", expected a dictionary":            []byte("\x80\x02U\x01x."),
	} {
		write(t, file, b)
		_, err := OpenCIFAR10Part(dir, Train, 7)
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, file)
	}
	write(t, file, good)
	put(t, dir, "batches.meta", pythonMeta("label_names", names[:9]))
	_, err = OpenCIFAR10Part(dir, Train, 7)
	assert.ErrorContains(t, err, "batches.meta: label_names: found a list of 9, expected a list of 10 names")
}

func TestPythonCIFAR100(t *testing.T) {
	binary, dir := t.TempDir(), t.TempDir()
	put(t, binary, "test.bin", cifar100Records(3))
	put(t, binary, "fine_label_names.txt", lines("fine", 100))
	put(t, binary, "coarse_label_names.txt", lines("coarse", 20))
	put(t, dir, "cifar-100-python/test", pythonBatch(cifar100Records(3), 3, "coarse_labels", "fine_labels"))
	for _, coarse := range []bool{false, true} {
		key, names := "fine_label_names", lines("fine", 100)
		if coarse {
			key, names = "coarse_label_names", lines("coarse", 20)
		}
		put(t, dir, "cifar-100-python/meta", pythonMeta(key, strings.Fields(string(names))))
		want, err := openCIFAR100(binary, Test, coarse, 3)
		require.NoError(t, err)
		got, err := openCIFAR100(dir, Test, coarse, 3)
		require.NoError(t, err)
		same(t, want, got)
		assert.Equal(t, "test, record 2 (name_s_2.png)", FileOf(got, 2))
	}
	require.NoError(t, os.Remove(filepath.Join(dir, "cifar-100-python/meta")))
	_, err := openCIFAR100(dir, Test, false, 3)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// What Python 3 writes, in each protocol (testdata/make_pickles.py).
func TestPicklesOfPython3(t *testing.T) {
	for _, name := range []string{"p2", "p3", "p4", "p5"} {
		b := batch{pixels: make([]uint8, 2*cifarPixels), labels: make([]uint16, 2), names: make([]string, 2)}
		require.NoError(t, b.read("testdata/pickles/"+name, "labels", 9), name)
		assert.Equal(t, []uint16{3, 9}, b.labels)
		assert.Equal(t, []string{" (a_s_1.png)", " (b_s_2.png)"}, b.names)
		for i := range 2 * cifarPixels {
			image, pixel, channel := i/cifarPixels, i%cifarPixels/3, i%3
			at := image*cifarPixels + channel*cifarPlane + pixel
			require.Equal(t, uint8(at/96*3), b.pixels[i], "%s: byte %d", name, i)
		}
	}
}
