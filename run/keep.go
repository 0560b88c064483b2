package run

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn/weights"
)

// Average returns the path of the average of the weights of encoder F or G.
func (d *RunDir) Average(side memorize.Side) string {
	return d.Path(side.String() + "-ema.safetensors")
}

// Kept returns the path of encoder F or G after that many epochs.
func (d *RunDir) Kept(side memorize.Side, epoch int) string {
	return d.Path("epochs", fmt.Sprintf("%s-%04d.safetensors", side, epoch))
}

// meta is the metadata of an encoder's file: where it comes from, and all that is needed
// to load it (describe).
func (t *training) meta() map[string]string {
	h, w, c := t.setup.Train.Shape()
	m, err := describe(t.setup.Recipe, h, w, c)
	if err != nil {
		panic(fmt.Sprintf("run: the encoder that was trained: %v", err))
	}
	m[metaRecipe], m[metaEncoder], m[metaName], m[metaISA] = t.setup.TrainID(), t.side.String(), t.setup.Recipe.Name,
		t.engine.ISA()
	return m
}

// keep writes the encoder as it is after an epoch. One that does it again, after a
// stop, writes the same bytes to the same place.
func (t *training) keep(epoch int) error {
	path, meta := t.dir.Kept(t.side, epoch), t.meta()
	meta[metaEpoch] = strconv.Itoa(epoch)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("keeping encoder %s: %w", t.side, err)
	}
	if err := weights.Save(path, t.encoder.Params(), meta); err != nil {
		return fmt.Errorf("keeping encoder %s: %w", t.side, err)
	}
	return nil
}

// saveAverage writes the average of the weights, if there is one. It comes before
// the encoder's own file, which says that all is done.
func (t *training) saveAverage() error {
	average := t.trainer.Average()
	if average == nil {
		return nil
	}
	meta := t.meta()
	meta[metaEMA] = strconv.FormatFloat(t.setup.Recipe.Train.WeightsEMA, 'g', -1, 64)
	if err := weights.Save(t.dir.Average(t.side), average, meta); err != nil {
		return fmt.Errorf("writing the average of encoder %s: %w", t.side, err)
	}
	return nil
}
