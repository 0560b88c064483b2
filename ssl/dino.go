package ssl

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// DINO is the method of Caron et al., "Emerging Properties in Self-Supervised
// Vision Transformers" (ICCV 2021, arXiv 2104.14294), Algorithm 1: the student
// shall say of one view what the teacher, its moving average, says of the other, as
// a distribution over K prototypes. Centring and a low temperature of the teacher
// keep it from saying the same of all images. With multi-crop (Equation 3) the
// student sees small crops too and shall say of each what the teacher says of either
// large view.
type DINO struct {
	networks
	prototypes *nn.Param // [K,D], of unit rows in use
	momentum   networks
	teacherPro *nn.Param
	*teacher
	studentT    float32
	teacherT    func(step int) float32
	centre      *nn.Param // [K]
	mean        *tensor.Tensor
	follow      *tensor.Averages // of the mean by the centre
	keepCentre  float64
	swap        []int  // the other view of every row
	frozen      uint64 // steps at the start in which the prototypes stay
	crops       *localCrops
	part, parts int // of the step's batch that Loss gets; 0 parts are 1
}

// DINOConfig holds the settings of DINO. Recipes say how long something takes in
// epochs, which need not be whole.
type DINOConfig struct {
	// Temperature divides the student's logits.
	Temperature float64 `yaml:"temperature"`
	// Projector holds the widths of the layers behind the encoder, the last being that
	// of the bottleneck in front of the prototypes; ProjectorBN puts batch norm behind
	// the hidden ones.
	Projector   []int `yaml:"projector"`
	ProjectorBN bool  `yaml:"projector_bn"`
	// EMA is the share of the teacher that stays in a step. EMASchedule is constant, or
	// cosine: EMA rises to 1 over the training.
	EMA         float64 `yaml:"ema"`
	EMASchedule string  `yaml:"ema_schedule"`
	// Prototypes is the number K of the head's outputs.
	Prototypes int `yaml:"prototypes"`
	// TeacherTemperature divides the teacher's logits.
	TeacherTemperature float64 `yaml:"teacher_temperature"`
	// TeacherStart is the teacher's temperature at the start, and TeacherWarmup the
	// number of epochs in which it goes straight to TeacherTemperature; 0: none.
	TeacherStart  float64 `yaml:"teacher_temperature_start" hash:"teacher_temperature_warmup!=0"`
	TeacherWarmup float64 `yaml:"teacher_temperature_warmup" hash:"teacher_temperature_warmup!=0"`
	// FreezePrototypes is the number of epochs at the start in which the prototypes
	// stay as they are, which steadies the beginning.
	FreezePrototypes float64 `yaml:"freeze_prototypes"`
	// CentreMomentum is the share of the centre that stays in a step.
	CentreMomentum float64 `yaml:"centre_momentum"`
	// LocalCrops is the number of small views (multi-crop) that the student sees next to
	// the two large ones.
	LocalCrops int `yaml:"local_crops" hash:"local_crops!=0"`
	// LocalScale bounds the share of the image's area that they show, LocalSize is
	// their side as a share of the image's.
	LocalScale [2]float64 `yaml:"local_scale" hash:"local_crops!=0"`
	LocalSize  float64    `yaml:"local_size" hash:"local_crops!=0"`
}

func init() {
	Register(Kind{
		Name: "dino", Source: "Caron et al. 2021",
		Summary: "the soft classes of a slow, centred and sharpened copy; local_crops adds small views (multi-crop)",
		Config: DINOConfig{Temperature: 0.2, Projector: []int{128, 64}, EMA: 0.99, EMASchedule: "constant",
			Prototypes: 512, TeacherTemperature: 0.04, TeacherStart: 0.04, FreezePrototypes: 1, CentreMomentum: 0.9,
			LocalScale: [2]float64{0.05, 0.4}, LocalSize: 0.5},
		Teacher:  true,
		Collapse: "too high a method.teacher_temperature, too slow a centre, or a teacher that moves too fast (raise method.ema)",
		Stuck: "a student that gives every image the uniform distribution: the teacher's targets are too flat; " +
			"lower method.teacher_temperature (0.04 or less)",
	})
}

// Validate implements Config.
func (c DINOConfig) Validate(s Setup) error {
	var warmup error
	if c.TeacherWarmup > 0 {
		warmup = above0("teacher_temperature_start", c.TeacherStart, 1000)
	}
	epochs := float64(s.Epochs)
	if s.Epochs == 0 {
		epochs = math.MaxFloat64
	}
	return errors.Join(widths("projector", c.Projector), above0("temperature", c.Temperature, 1000),
		emaSettings(c.EMA, c.EMASchedule), within("prototypes", c.Prototypes, 2, maxRows),
		above0("teacher_temperature", c.TeacherTemperature, 1000),
		within("teacher_temperature_warmup", c.TeacherWarmup, 0, epochs), warmup, share("centre_momentum", c.CentreMomentum),
		within("freeze_prototypes", c.FreezePrototypes, 0, epochs), c.validateLocal(s))
}

// New implements Config.
func (c DINOConfig) New(s Setup) (Method, error) {
	crops, err := newLocalCrops(&c, s)
	if err != nil {
		return nil, err
	}
	copied, err := s.Another()
	if err != nil {
		return nil, err
	}
	k, d := c.Prototypes, c.Projector[len(c.Projector)-1]
	head := nn.HeadOptions{BN: c.ProjectorBN, GELU: true}
	m := &DINO{
		networks:   newNetworks(s.Encoder, c.Projector, head, s.Seed),
		momentum:   newNetworks(copied, c.Projector, head, s.Seed),
		prototypes: nn.NewLinear("prototypes", d, k, s.Seed).Params()[0],
		teacherPro: nn.NewLinear("prototypes", d, k, s.Seed).Params()[0],
		studentT:   float32(c.Temperature), teacherT: c.teacherTemperature(s.StepsPerEpoch),
		centre: &nn.Param{Name: "centre", Value: tensor.New(k), Buffer: true},
		mean:   tensor.New(k), keepCentre: c.CentreMomentum,
		frozen: uint64(c.FreezePrototypes * float64(s.StepsPerEpoch)), crops: crops,
	}
	m.follow = tensor.NewAverages([]*tensor.Tensor{m.centre.Value}, []*tensor.Tensor{m.mean})
	m.teacher, err = newTeacher(append(m.networks.Params(), m.prototypes), append(m.momentum.Params(), m.teacherPro), c.EMA, c.EMASchedule)
	return m, err
}

// Name returns "dino".
func (m *DINO) Name() string { return "dino" }

// Params lists the student's encoder, projector and prototypes, the teacher's, and
// the centre.
func (m *DINO) Params() []*nn.Param {
	return slices.Concat(m.networks.Params(), []*nn.Param{m.prototypes}, m.teacher.params, []*nn.Param{m.centre})
}

// Chance is ln K: the student says of every image that all prototypes fit alike.
func (m *DINO) Chance(int) float64 { return math.Log(float64(m.centre.Value.Len())) }

// Views returns 2 and the number of small crops, which come last.
func (m *DINO) Views() int { return 2 + m.crops.count() }

// Loss is H(t1, s2)/2 + H(t2, s1)/2 of Algorithm 1. Both views go through the
// networks as one batch, as in the authors' program. With small crops it is the
// mean of H over all pairs of a large view for the teacher and another view, of
// either size, for the student (Equation 3, divided by the number of its terms as
// there).
//
//	H(t, s) = - softmax((t - C)/teacherT) . log softmax(s/studentT)
func (m *DINO) Loss(c *nn.Context, views []*tensor.Tensor) *tensor.Tensor {
	if len(views) != m.Views() {
		panic(fmt.Sprintf("ssl: DINO with %d small crops takes %d views, got %d", m.crops.count(), m.Views(), len(views)))
	}
	x1, x2 := views[0], views[1]
	tp := c.Tape
	zt := m.teach(c, func(c *nn.Context) *tensor.Tensor { return m.momentum.forward(c, c.Tape.Concat(x1, x2)) })
	t := logits(tp, zt, tp.Detach(m.teacherPro.Value))
	h := m.encoder.Forward(c, tp.Concat(x1, x2))
	if m.crops != nil {
		h = tp.Concat(h, m.crops.features(c, views[2:]))
	}
	z := m.projector.Forward(c, h)
	prototypes := m.prototypes.Value
	if c.Noise != nil && c.Noise.Step < m.frozen {
		prototypes = tp.Detach(prototypes)
	}
	s := tp.Scale(logits(tp, z, prototypes), 1/m.studentT)
	if m.crops == nil {
		c.Tap(ProjectionTap, z)
	} else if c.Listening(ProjectionTap) {
		c.Tap(ProjectionTap, tp.Gather(tp.Detach(z), m.crops.rows(x1.Dim(0)).large))
	}
	c.Tap(TeacherTap, zt)
	m.take(tp.MeanAxis0(t))
	if n := t.Dim(0); len(m.swap) != n {
		m.swap = positives(n)
	}
	step := math.MaxInt // without noise: behind any warm-up
	if c.Noise != nil {
		step = int(c.Noise.Step)
	}
	targets := tp.SharpSoftmax(tp.Gather(t, m.swap), m.centre.Value, m.teacherT(step))
	if m.crops != nil {
		return m.crops.loss(tp, s, targets)
	}
	return tp.SoftCrossEntropy(s, targets)
}

// teacherTemperature gives the teacher's temperature of a step, counted from 0: a
// linear warm-up (Implementation details in Section 3.2; the paper's goes from 0.04
// to 0.07 in the first 30 epochs).
func (c *DINOConfig) teacherTemperature(stepsPerEpoch int) func(step int) float32 {
	start, end, warmup := c.TeacherStart, c.TeacherTemperature, int(c.TeacherWarmup*float64(stepsPerEpoch))
	return func(step int) float32 {
		if step >= warmup {
			return float32(end)
		}
		return float32(start + (end-start)*float64(step)/float64(warmup))
	}
}

// SetPart implements InParts.
func (m *DINO) SetPart(part, parts int) { m.part, m.parts = part, parts }

// take keeps the mean logits [K] of a part of the batch for AfterStep.
func (m *DINO) take(mean *tensor.Tensor) {
	if m.parts <= 1 {
		m.mean.CopyFrom(mean.Data())
		return
	}
	if m.part == 0 {
		clear(m.mean.Data())
	}
	all := m.mean.Data()
	for i, v := range mean.Data() {
		all[i] += v / float32(m.parts)
	}
}

// logits is the last layer of the head: cosines of the projections with the
// prototypes (a weight norm whose scale stays 1).
func logits(tp *tensor.Tape, z, prototypes *tensor.Tensor) *tensor.Tensor {
	return tp.MatMul(tp.L2Normalize(z, normEps), tp.L2Normalize(prototypes, normEps), false, true)
}

// AfterStep moves the teacher, and the centre towards the mean of what the teacher
// said (Equation 4).
func (m *DINO) AfterStep(e *tensor.Engine, step, steps int) {
	m.teacher.AfterStep(e, step, steps)
	e.Average(m.follow, m.keepCentre)
}
