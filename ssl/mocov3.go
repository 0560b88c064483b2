package ssl

import (
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// MoCoV3 is the method of Chen, Xie and He, "An Empirical Study of Training
// Self-Supervised Vision Transformers" (ICCV 2021, arXiv 2104.02057), Algorithm 1:
// queries of the encoder, with a predictor, against the keys that the momentum
// encoder makes of the other views of the batch.
type MoCoV3 struct {
	networks
	predictor nn.Module
	momentumE networks // the momentum encoder
	*teacher
	temperature float32
	labels      []int // of the last batch size
}

// MoCoV3Config holds the settings of MoCoV3.
type MoCoV3Config struct {
	// Temperature divides similarities.
	Temperature float64 `yaml:"temperature"`
	// Projector holds the widths of the layers behind the encoder, the last being that
	// of the projection, Predictor the hidden widths of the predictor.
	Projector []int `yaml:"projector"`
	Predictor []int `yaml:"predictor"`
	// EMA is the share of the momentum encoder that stays in a step. EMASchedule is
	// constant, or cosine: EMA rises to 1 over the training.
	EMA         float64 `yaml:"ema"`
	EMASchedule string  `yaml:"ema_schedule"`
	// FreezePatch keeps the patch embedding of a vision transformer as it was at the
	// start, which steadies the training (Section 4.2).
	FreezePatch bool `yaml:"freeze_patch"`
}

func init() {
	Register(Kind{
		Name: "mocov3", Source: "Chen, Xie and He 2021",
		Summary: "a view's prediction against the slow copy's of the whole batch",
		Config: MoCoV3Config{Temperature: 0.2, Projector: []int{128, 64}, Predictor: []int{32},
			EMA: 0.99, EMASchedule: "constant"},
		Teacher: true, Contrastive: true,
		Collapse: "a teacher that moves too fast (raise method.ema) or too high a learning rate",
		Stuck:    "too low or too high a learning rate, or too high a temperature",
	})
}

// Validate implements Config.
func (c MoCoV3Config) Validate(s Setup) error {
	var frozen error
	if c.FreezePatch && s.Encoder != nil && len(patchEmbedding(s.Encoder)) == 0 {
		frozen = errors.New("freeze_patch: found true, expected false: the encoder has no patch embedding, only vision transformers do")
	}
	return errors.Join(widths("projector", c.Projector), above0("temperature", c.Temperature, 1000),
		widths("predictor", c.Predictor), emaSettings(c.EMA, c.EMASchedule), frozen)
}

// Views implements Config: a first and a second one.
func (c MoCoV3Config) Views(first, second augment.Config, _ Setup) []augment.Config {
	return []augment.Config{first, second}
}

// New implements Config.
func (c MoCoV3Config) New(s Setup) (Method, error) {
	if c.FreezePatch {
		for _, p := range patchEmbedding(s.Encoder) {
			p.Buffer = true // no optimiser moves it
		}
	}
	copied, err := s.Another()
	if err != nil {
		return nil, err
	}
	// Batch norm behind the last layer of the projector, without weight and bias,
	// but not of the predictor: the authors' heads for ResNets.
	head := nn.HeadOptions{BN: true, OutBN: true}
	m := &MoCoV3{
		networks:    newNetworks(s.Encoder, c.Projector, head, s.Seed),
		momentumE:   newNetworks(copied, c.Projector, head, s.Seed),
		temperature: float32(c.Temperature),
	}
	m.predictor = newPredictor(c.Projector[len(c.Projector)-1], c.Predictor, s.Seed)
	m.teacher, err = newTeacher(m.networks.Params(), m.momentumE.Params(), c.EMA, c.EMASchedule)
	return m, err
}

// patchEmbedding returns the parameters of an encoder's patch embedding.
func patchEmbedding(enc nn.Encoder) []*nn.Param {
	return slices.DeleteFunc(slices.Clone(enc.Params()), func(p *nn.Param) bool {
		return !strings.HasPrefix(p.Name, "patch_embed.")
	})
}

// Name returns "mocov3".
func (m *MoCoV3) Name() string { return "mocov3" }

// Params lists encoder, projector and predictor, then the momentum encoder.
func (m *MoCoV3) Params() []*nn.Param {
	return slices.Concat(m.networks.Params(), m.predictor.Params(), m.teacher.params)
}

// Chance is that of two times 2T ln N: all keys look alike.
func (m *MoCoV3) Chance(batch int) float64 {
	return 4 * float64(m.temperature) * math.Log(float64(batch))
}

// Loss is ctr(q1, k2) + ctr(q2, k1) of Algorithm 1. Every view goes through the
// networks by itself.
func (m *MoCoV3) Loss(c *nn.Context, views []*tensor.Tensor) *tensor.Tensor {
	x1, x2 := two("MoCo v3", views)
	tp := c.Tape
	k1 := m.teach(c, func(c *nn.Context) *tensor.Tensor { return m.momentumE.forward(c, x1) })
	k2 := m.teach(c, func(c *nn.Context) *tensor.Tensor { return m.momentumE.forward(c, x2) })
	q1 := m.predictor.Forward(pass(c, 0), m.networks.forward(pass(c, 0), x1))
	q2 := m.predictor.Forward(pass(c, 1), m.networks.forward(pass(c, 1), x2))
	show(c, ProjectionTap, q1, q2)
	show(c, TeacherTap, k2, k1)
	return tp.Add(m.ctr(tp, q1, k2), m.ctr(tp, q2, k1))
}

// ctr is the function of that name in Algorithm 1: key i is the positive of query
// i, the other keys are its negatives.
//
//	ctr(q, k) = 2T * cross-entropy(q k^T / T, identity)
func (m *MoCoV3) ctr(tp *tensor.Tape, q, k *tensor.Tensor) *tensor.Tensor {
	q, k = tp.L2Normalize(q, normEps), tp.L2Normalize(k, normEps)
	if len(m.labels) != q.Dim(0) {
		m.labels = upTo(0, q.Dim(0))
	}
	logits := tp.Scale(tp.MatMul(q, k, false, true), 1/m.temperature)
	return tp.Scale(tp.SoftmaxCrossEntropy(logits, m.labels), 2*m.temperature)
}
