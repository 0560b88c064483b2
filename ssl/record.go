package ssl

import "context"

// Progress is where a training stands after a step.
type Progress struct {
	Encoder         string
	Epoch, Epochs   int // the epoch it is in, counted from 1
	Step, Steps     int // steps done in this epoch, and in a whole one
	Loss, Chance    float64
	LearningRate    float64
	ImagesPerSecond float64 // of this step; images, not views
}

// Record sums up an epoch; the fields of its JSON form are those of log.jsonl.
// All but ImagesPerSecond and ViewsShare are the same bits in every run of the
// same training.
type Record struct {
	Encoder string  `json:"encoder"` // f or g
	Epoch   int     `json:"epoch"`   // counted from 1
	Loss    float64 `json:"loss"`    // mean over the steps
	Chance  float64 `json:"chance"`  // loss of a network that tells nothing apart
	// KNN is the accuracy that the Evaluate hook gave, nil where it did not run.
	KNN             *float64 `json:"knn"`
	ImagesPerSecond float64  `json:"images_per_s"` // images of the data, not views; without the evaluation
	ViewsShare      float64  `json:"views_share"`  // part of the time that making the views took
	LearningRate    float64  `json:"lr"`           // of the last step
	GradNorm        float64  `json:"grad_norm"`    // mean over the steps
	Spread          float64  `json:"spread"`       // mean of StepResult.Spread
	Rank            float64  `json:"rank"`         // mean of StepResult.Rank
	Teacher         float64  `json:"teacher"`      // mean of StepResult.Teacher
	// Private tells what private training has spent so far; nil where it is not private.
	Private *Spent `json:"private,omitempty"`
	// Collapsed is the alarm: the projections of all images nearly coincide.
	Collapsed bool `json:"collapsed"`
	// Warning says what is wrong and what usually causes it; "" if nothing is.
	Warning string `json:"warning,omitempty"`
}

// collapsedBelow is the spread under which an epoch counts as collapsed.
const collapsedBelow = 1e-3

// Start tells where a run begins.
type Start struct {
	Encoder string
	// Epoch and Step are what is already done: whole epochs, and steps of the
	// next one. The records of epochs after Epoch that an earlier run has
	// written come once more.
	Epoch, Step int
	Checkpoint  string   // the file it goes on from, "" for a fresh start
	Warnings    []string // newer checkpoints that could not be read, and why
}

// Hooks are called by the goroutine that trains; nil ones are skipped.
type Hooks struct {
	OnStart func(Start)
	OnStep  func(Progress)
	// Evaluate gives the kNN accuracy after an epoch (counted from 1). ok false
	// means that this epoch is not evaluated.
	Evaluate func(ctx context.Context, epoch int) (accuracy float64, ok bool, err error)
	// OnEpoch takes the record of an epoch, before the checkpoint is written;
	// its error ends the training.
	OnEpoch func(Record) error
}
