package ssl

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// MoCoV2 is the method of He et al., "Momentum Contrast for Unsupervised Visual
// Representation Learning" (CVPR 2020, arXiv 1911.05722), Algorithm 1, with the
// projector of Chen et al., "Improved Baselines with Momentum Contrastive
// Learning" (arXiv 2003.04297): a query is told from a queue of keys of earlier
// batches, which a moving average of the encoder made.
//
// Batch norm could give away which key belongs to a query, since both have the
// same neighbours in the batch. Queries are therefore normalised in parts of the
// batch, and keys in other parts (splitNorm).
type MoCoV2 struct {
	networks
	momentumE networks // the momentum encoder f_k
	*teacher
	temperature   float32
	symmetric     bool
	queries, keys *splitNorm
	splits        int
	queue         *nn.Param      // [K,D], unit rows
	at            *nn.Param      // [1]: where in the queue the next keys go
	enqueue       *tensor.Tensor // keys of the step
	part, parts   int            // of the step's batch that Loss gets; 0 parts are 1
	targets       []int
}

// MoCoV2Config holds the settings of MoCoV2.
type MoCoV2Config struct {
	// Temperature divides similarities.
	Temperature float64 `yaml:"temperature"`
	// Projector holds the widths of the layers behind the encoder, the last being that
	// of the projection; ProjectorBN puts batch norm behind the hidden ones.
	Projector   []int `yaml:"projector"`
	ProjectorBN bool  `yaml:"projector_bn"`
	// EMA is the share of the momentum encoder that stays in a step. EMASchedule is
	// constant, or cosine: EMA rises to 1 over the training.
	EMA         float64 `yaml:"ema"`
	EMASchedule string  `yaml:"ema_schedule"`
	// Queue is the number of keys kept as negatives, at least those of one step.
	Queue int `yaml:"queue"`
	// BNSplits is the number of parts of a batch that batch norm takes each by itself;
	// queries and keys are in other parts.
	BNSplits int `yaml:"bn_splits"`
	// Symmetric makes either view query and key in turn.
	Symmetric bool `yaml:"symmetric"`
}

func init() {
	Register(Kind{
		Name: "mocov2", Source: "Chen et al. 2020",
		Summary: "a view against the slow copy's, and a queue of earlier ones as negatives",
		Config: MoCoV2Config{Temperature: 0.2, Projector: []int{128, 64}, EMA: 0.99, EMASchedule: "constant",
			Queue: 400, BNSplits: 4},
		Teacher: true, Contrastive: true,
		Collapse: "a teacher that moves too fast (raise method.ema, 0.99 or more) or too high a learning rate",
		Stuck:    "a queue of keys all alike, too low or too high a learning rate, or too high a temperature",
	})
}

// Validate implements Config.
func (c MoCoV2Config) Validate(s Setup) error {
	keys, batch := max(s.Batch, 1), s.Batch/max(s.Parts, 1) // batch is what is normalised at once
	if c.Symmetric {
		keys *= 2
	}
	var splits error
	switch {
	case c.BNSplits < 1 || batch%c.BNSplits != 0:
		splits = fmt.Errorf("bn_splits: found %d, expected a divisor of the batch of %d", c.BNSplits, batch)
	case batch > 0 && batch/c.BNSplits < 2:
		splits = fmt.Errorf("bn_splits: found %d, expected parts of at least 2 of the %d images of a batch", c.BNSplits, batch)
	}
	return errors.Join(widths("projector", c.Projector), above0("temperature", c.Temperature, 1000),
		emaSettings(c.EMA, c.EMASchedule), within("queue", c.Queue, keys, maxRows), splits)
}

// Views implements Config: a first and a second one.
func (c MoCoV2Config) Views(first, second augment.Config, _ Setup) []augment.Config {
	return []augment.Config{first, second}
}

// New implements Config.
func (c MoCoV2Config) New(s Setup) (Method, error) {
	copied, err := s.Another()
	if err != nil {
		return nil, err
	}
	head := nn.HeadOptions{BN: c.ProjectorBN}
	m := &MoCoV2{
		networks:    newNetworks(s.Encoder, c.Projector, head, s.Seed),
		momentumE:   newNetworks(copied, c.Projector, head, s.Seed),
		temperature: float32(c.Temperature), symmetric: c.Symmetric, splits: c.BNSplits,
	}
	if m.teacher, err = newTeacher(m.networks.Params(), m.momentumE.Params(), c.EMA, c.EMASchedule); err != nil {
		return nil, err
	}
	m.queries, m.keys = newSplitNorm(m.networks.Params()), newSplitNorm(m.teacher.params)
	m.queue = &nn.Param{Name: "queue", Value: unitRows(c.Queue, c.Projector[len(c.Projector)-1], s.Seed), Buffer: true}
	m.at = &nn.Param{Name: "queue_ptr", Value: tensor.New(1), Buffer: true}
	return m, nil
}

// unitRows returns k directions drawn evenly from the sphere: the queue before
// there are keys.
func unitRows(k, d int, seed uint64) *tensor.Tensor {
	q := tensor.New(k, d)
	r := rng.New(seed, "queue")
	for i := range k {
		row, sum := q.Data()[i*d:(i+1)*d], 0.0
		for j := range row {
			row[j] = float32(r.NormFloat64())
			sum += float64(row[j]) * float64(row[j])
		}
		for j := range row {
			row[j] /= float32(math.Sqrt(sum))
		}
	}
	return q
}

// Name returns "mocov2".
func (m *MoCoV2) Name() string { return "mocov2" }

// Params lists the encoder's and the projector's parameters, then the momentum
// encoder's, the queue and the place in it.
func (m *MoCoV2) Params() []*nn.Param {
	return slices.Concat(m.networks.Params(), m.teacher.params, []*nn.Param{m.queue, m.at})
}

// Chance is ln(K+1): the key looks like all those of the queue.
func (m *MoCoV2) Chance(int) float64 { return math.Log(float64(m.queue.Value.Dim(0) + 1)) }

// Loss is that of Algorithm 1 for the first view as query and the second as key;
// if symmetric, the mean of it and of the other way round.
//
//	L = -log( exp(q.k+/T) / (exp(q.k+/T) + sum over the queue of exp(q.k/T)) )   Equation 1
func (m *MoCoV2) Loss(c *nn.Context, views []*tensor.Tensor) *tensor.Tensor {
	x1, x2 := two("MoCo v2", views)
	loss, q, k := m.contrast(c, 0, x1, x2)
	if !m.symmetric {
		c.Tap(ProjectionTap, q)
		c.Tap(TeacherTap, k)
		m.take(k)
		return loss
	}
	loss2, q2, k2 := m.contrast(c, 1, x2, x1)
	show(c, ProjectionTap, q, q2)
	show(c, TeacherTap, k, k2)
	m.take(c.Tape.Concat(k, k2))
	return average(c.Tape, loss, loss2)
}

// contrast returns the loss of queries xq and keys xk, with their projections
// before and behind normalisation.
func (m *MoCoV2) contrast(c *nn.Context, number uint64, xq, xk *tensor.Tensor) (loss, z, k *tensor.Tensor) {
	tp, n := c.Tape, xq.Dim(0)
	var noise nn.Noise
	if c.Noise != nil {
		noise = *c.Noise
	}
	k = m.teach(c, func(c *nn.Context) *tensor.Tensor {
		groups := keyGroups(n, m.splits, noise.Seed, noise.Step, uint64(2*m.part)+number)
		z := m.keys.forward(c, xk, groups, m.momentumE.forward)
		return c.Tape.L2Normalize(z, normEps)
	})
	z = m.queries.forward(pass(c, number), xq, queryGroups(n, m.splits), m.networks.forward)
	q := tp.L2Normalize(z, normEps)
	logits := tp.ConcatColumns(tp.RowDots(q, k), tp.MatMul(q, m.queue.Value, false, true))
	if len(m.targets) != n {
		m.targets = make([]int, n) // the positive is column 0
	}
	return tp.SoftmaxCrossEntropy(tp.Scale(logits, 1/m.temperature), m.targets), z, k
}

// SetPart implements InParts.
func (m *MoCoV2) SetPart(part, parts int) { m.part, m.parts = part, parts }

// take keeps the keys of a part of the batch for AfterStep.
func (m *MoCoV2) take(k *tensor.Tensor) {
	if n := k.Dim(0) * max(m.parts, 1); m.enqueue == nil || m.enqueue.Dim(0) != n {
		m.enqueue = tensor.New(n, k.Dim(1))
	}
	copy(m.enqueue.Data()[m.part*k.Len():], k.Data())
}

// AfterStep moves the momentum encoder (Equation 2) and puts the keys of the step
// into the queue, where they take the place of the oldest.
func (m *MoCoV2) AfterStep(e *tensor.Engine, step, steps int) {
	m.teacher.AfterStep(e, step, steps)
	at := m.at.Value.Data()
	at[0] = float32(tensor.PushRows(m.queue.Value, m.enqueue, int(at[0])))
}
