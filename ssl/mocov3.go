package ssl

import (
	"fmt"
	"math"
	"slices"
	"strings"

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

func newMoCoV3(enc nn.Encoder, another func() (nn.Encoder, error), o Options, seed uint64) (Method, error) {
	if err := first(widths("projector", o.Projector, 1), widths("predictor", o.Predictor, 1),
		above0("temperature", o.Temperature), share("ema", o.EMA)); err != nil {
		return nil, err
	}
	if err := freezePatch(enc, o.FreezePatch); err != nil {
		return nil, err
	}
	copied, err := another()
	if err != nil {
		return nil, err
	}
	// Batch norm behind the last layer of the projector, without weight and bias,
	// but not of the predictor: the authors' heads for ResNets.
	head := nn.HeadOptions{BN: true, OutBN: true}
	m := &MoCoV3{networks: newNetworks(enc, o.Projector, head, seed), momentumE: newNetworks(copied, o.Projector, head, seed),
		temperature: float32(o.Temperature)}
	m.predictor = newPredictor(o.Projector[len(o.Projector)-1], o.Predictor, seed)
	m.teacher, err = newTeacher(m.networks.Params(), m.momentumE.Params(), &o)
	return m, err
}

// freezePatch makes the patch embedding of the encoder a buffer, which no
// optimiser moves.
func freezePatch(enc nn.Encoder, freeze bool) error {
	if !freeze {
		return nil
	}
	found := false
	for _, p := range enc.Params() {
		if strings.HasPrefix(p.Name, "patch_embed.") {
			p.Buffer, found = true, true
		}
	}
	if !found {
		return fmt.Errorf("freeze_patch: the encoder has no patch embedding")
	}
	return nil
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
