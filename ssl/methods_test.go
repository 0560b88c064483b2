package ssl

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// rowsOf returns the rows of a matrix.
func rowsOf(x *tensor.Tensor) [][]float64 {
	rows := make([][]float64, x.Dim(0))
	for i := range rows {
		for _, v := range x.Data()[i*x.Dim(1) : (i+1)*x.Dim(1)] {
			rows[i] = append(rows[i], float64(v))
		}
	}
	return rows
}

// methodLoss runs a method of newProblem once on random images and returns its
// loss with the projections and the teacher's as rows.
func methodLoss(t *testing.T, p *problem, n int) (loss float64, z, teacher [][]float64) {
	tp := p.config.Engine.NewTape(tensor.Training)
	defer tp.Release()
	capture := nn.NewCapture(ProjectionTap, TeacherTap)
	loss = float64(p.method.Loss(&nn.Context{Tape: tp, Taps: capture}, randomViews(n)).Item())
	z = rowsOf(capture.Outputs[ProjectionTap])
	if x := capture.Outputs[TeacherTap]; x != nil {
		teacher = rowsOf(x)
	}
	return loss, z, teacher
}

func randomViews(n int) []*tensor.Tensor {
	views := []*tensor.Tensor{tensor.New(n, 16, 16, 3), tensor.New(n, 16, 16, 3)}
	r := rng.New(6, "images")
	for _, v := range views {
		for i := range v.Data() {
			v.Data()[i] = r.Float32()
		}
	}
	return views
}

func TestLossesAreThePapersFormulas(t *testing.T) {
	const n = 6
	o := tinySettings
	t.Run("barlow", func(t *testing.T) {
		loss, z, _ := methodLoss(t, newProblem(t, problemOptions{method: "barlow"}), n)
		assert.InEpsilon(t, o.LossScale*barlowEquation1(z[:n], z[n:], o.Lambda), loss, 1e-5)
	})
	t.Run("vicreg", func(t *testing.T) {
		loss, z, _ := methodLoss(t, newProblem(t, problemOptions{method: "vicreg"}), n)
		s, v1, v2, c1, c2 := vicregTerms(z[:n], z[n:])
		// The authors' program: the mean over outputs in s, the half of v.
		s /= float64(len(z[0]))
		assert.InEpsilon(t, o.Invariance*s+o.Variance*(v1+v2)/2+o.Covariance*(c1+c2), loss, 1e-5)
		assert.Positive(t, v1*c1*s)
	})
	t.Run("mocov3", func(t *testing.T) {
		loss, q, k := methodLoss(t, newProblem(t, problemOptions{method: "mocov3"}), n)
		assert.InEpsilon(t, moco3Ctr(q[:n], k[:n], o.Temperature)+moco3Ctr(q[n:], k[n:], o.Temperature), loss, 1e-5)
	})
	t.Run("mocov2", func(t *testing.T) {
		p := newProblem(t, problemOptions{method: "mocov2"})
		queue := rowsOf(p.method.(*MoCoV2).queue.Value)
		loss, q, k := methodLoss(t, p, n)
		assert.InEpsilon(t, (mocoEquation1(q[:n], k[:n], queue, o.Temperature)+mocoEquation1(q[n:], k[n:], queue, o.Temperature))/2, loss, 1e-5)
	})
	// Of these the loss takes what no tap shows, so their projections are made
	// by hand.
	t.Run("simsiam", func(t *testing.T) {
		p := newProblem(t, problemOptions{method: "simsiam"})
		loss, z, _ := methodLoss(t, p, n)
		p1, p2 := predict(p, p.method.(*SimSiam).predictor, z[:n]), predict(p, p.method.(*SimSiam).predictor, z[n:])
		assert.InEpsilon(t, simsiamEquation1(p1, z[n:])/2+simsiamEquation1(p2, z[:n])/2, loss, 1e-5)
	})
	t.Run("byol", func(t *testing.T) {
		p := newProblem(t, problemOptions{method: "byol"})
		loss, z, target := methodLoss(t, p, n)
		q1, q2 := predict(p, p.method.(*BYOL).predictor, z[:n]), predict(p, p.method.(*BYOL).predictor, z[n:])
		assert.InEpsilon(t, byolEquation2(q1, target[n:])+byolEquation2(q2, target[:n]), loss, 1e-5)
	})
	t.Run("dino", func(t *testing.T) {
		p := newProblem(t, problemOptions{method: "dino"})
		m := p.method.(*DINO)
		centre := make([]float64, o.Prototypes)
		for k := range centre {
			m.centre.Value.Data()[k] = float32(k%3) / 8
			centre[k] = float64(k%3) / 8
		}
		loss, z, teacher := methodLoss(t, p, n)
		cosines := func(z [][]float64, of *nn.Param) [][]float64 {
			out := make([][]float64, len(z))
			for i := range z {
				for _, w := range rowsOf(of.Value) {
					out[i] = append(out[i], cosine(z[i], w))
				}
			}
			return out
		}
		s, tt := cosines(z, m.prototypes), cosines(teacher, m.teacherPro)
		want := dinoH(tt[:n], s[n:], centre, o.TeacherTemperature, o.Temperature)/2 + dinoH(tt[n:], s[:n], centre, o.TeacherTemperature, o.Temperature)/2
		assert.InEpsilon(t, want, loss, 1e-5)
		// Equation 4.
		m.AfterStep(p.config.Engine, 0, 1)
		for k := range centre {
			mean := 0.0
			for i := range tt {
				mean += tt[i][k] / float64(len(tt))
			}
			assert.InDelta(t, .9*centre[k]+.1*mean, float64(m.centre.Value.Data()[k]), 1e-6)
		}
	})
}

// predict returns what the predictor makes of rows.
func predict(p *problem, predictor nn.Module, z [][]float64) [][]float64 {
	tp := p.config.Engine.NewTape(tensor.Training)
	defer tp.Release()
	return rowsOf(predictor.Forward(&nn.Context{Tape: tp}, toTensor(z)))
}

// Where all images have the same projection the loss is at its chance level or,
// without negatives, at its collapse.
func TestChanceAndCollapse(t *testing.T) {
	same := func(n, d int) *tensor.Tensor {
		x := tensor.New(n, d)
		for i := range x.Data() {
			x.Data()[i] = float32(1 + i%d)
		}
		return x.RequireGrad()
	}
	of := func(method string) (*problem, *tensor.Tape) {
		p := newProblem(t, problemOptions{method: method})
		return p, p.config.Engine.NewTape(tensor.Training)
	}
	p, tp := of("barlow")
	assert.InEpsilon(t, p.method.Chance(8), float64(p.method.(*BarlowTwins).loss(tp, same(8, 8), same(8, 8)).Item()), 1e-4)
	p, tp = of("vicreg")
	assert.InEpsilon(t, p.method.Chance(8), float64(p.method.(*VICReg).loss(tp, same(8, 8), same(8, 8)).Item()), 1e-4)
	p, tp = of("mocov3")
	assert.InEpsilon(t, p.method.Chance(8), 2*float64(p.method.(*MoCoV3).ctr(tp, same(8, 8), same(8, 8)).Item()), 1e-5)
	p, _ = of("mocov2")
	assert.InDelta(t, math.Log(21), p.method.Chance(8), 1e-12)
	p, tp = of("dino")
	uniform := tp.Scale(same(8, tinySettings.Prototypes), 0)
	targets := tp.SharpSoftmax(same(8, tinySettings.Prototypes), tensor.New(tinySettings.Prototypes), .04)
	assert.InEpsilon(t, p.method.Chance(8), float64(tp.SoftCrossEntropy(uniform, targets).Item()), 1e-5)
	p, _ = of("simsiam")
	assert.Zero(t, p.method.Chance(8))
	p, _ = of("byol")
	assert.Equal(t, 4., p.method.Chance(8))
}

// The teacher is a copy at the start, follows by the formula and takes no
// gradient; its batch norm keeps its own statistics.
func TestTeacherFollows(t *testing.T) {
	for _, method := range []string{"byol", "mocov2", "mocov3", "dino"} {
		t.Run(method, func(t *testing.T) {
			p := newProblem(t, problemOptions{method: method})
			params := map[string]*nn.Param{}
			for _, q := range p.method.Params() {
				params[q.Name] = q
			}
			teachers := 0
			for name, q := range params {
				if student := params[name[min(len(name), len(teacherPrefix)):]]; len(name) > len(teacherPrefix) && name[:len(teacherPrefix)] == teacherPrefix {
					teachers++
					require.True(t, q.Buffer, name)
					require.NotNil(t, student, name)
					require.Equal(t, student.Value.Data(), q.Value.Data(), name)
				}
			}
			require.Greater(t, teachers, 20)
			before := nn.Clone(p.method.Params())
			tp := p.config.Engine.NewTape(tensor.Training)
			_, err := Step(StepConfig{Tape: tp, Method: p.method, Optimizer: p.config.Optimizer, LR: 1e-2, Noise: &nn.Noise{Step: 3}, Steps: 12}, randomViews(8))
			require.NoError(t, err)
			keep := 1 - (1-.9)*(math.Cos(math.Pi*3/12)+1)/2 // of tinySettings
			for _, was := range before {
				if len(was.Name) < len(teacherPrefix) || was.Name[:len(teacherPrefix)] != teacherPrefix {
					continue
				}
				now := params[was.Name].Value
				require.Nil(t, now.Grad(), was.Name)
				student := params[was.Name[len(teacherPrefix):]]
				if student.Buffer {
					require.NotEqual(t, was.Value.Data(), now.Data(), "%s: the teacher's own statistics", was.Name)
					continue
				}
				for j, v := range now.Data() {
					want := keep*float64(was.Value.Data()[j]) + (1-keep)*float64(student.Value.Data()[j])
					require.InDelta(t, want, float64(v), 1e-6, was.Name)
				}
			}
		})
	}
}

func TestTeacherSchedule(t *testing.T) {
	c := teacher{keep: .99}
	assert.Equal(t, .99, c.momentum(5, 10))
	c.cosine = true
	assert.InDelta(t, .99, c.momentum(0, 10), 1e-12)
	assert.InDelta(t, .995, c.momentum(5, 10), 1e-12)
	assert.InDelta(t, 1, c.momentum(10, 10), 1e-12)
}

func TestNewErrors(t *testing.T) {
	for _, c := range []struct {
		method, says string
		change       func(*allSettings)
	}{
		{"byoll", `method: found "byoll", expected one of: barlow, byol, dino`, func(*allSettings) {}},
		{"byol", "method byol: ema: found 1, expected at least 0 and less than 1", func(o *allSettings) { o.EMA = 1 }},
		{"byol", "predictor: found no layer", func(o *allSettings) { o.Predictor = nil }},
		{"simsiam", "predictor: found width 0", func(o *allSettings) { o.Predictor = []int{0} }},
		{"simsiam", "projector: found no layer", func(o *allSettings) { o.Projector = nil }},
		{"mocov2", "temperature: found 0", func(o *allSettings) { o.Temperature = 0 }},
		{"mocov2", "queue: found 0", func(o *allSettings) { o.Queue = 0 }},
		{"mocov2", "bn_splits: found 0", func(o *allSettings) { o.BNSplits = 0 }},
		{"mocov3", "freeze_patch: found true, expected false: the encoder has no patch embedding", func(o *allSettings) { o.FreezePatch = true }},
		{"mocov3", "temperature: found NaN", func(o *allSettings) { o.Temperature = math.NaN() }},
		{"barlow", "loss_scale: found 0", func(o *allSettings) { o.LossScale = 0 }},
		{"vicreg", "variance: found -1", func(o *allSettings) { o.Variance = -1 }},
		{"dino", "prototypes: found 1, expected 2 to", func(o *allSettings) { o.Prototypes = 1 }},
		{"dino", "centre_momentum: found 1", func(o *allSettings) { o.CentreMomentum = 1 }},
	} {
		o := tinySettings
		c.change(&o)
		_, err := New(c.method, o.of(c.method), Setup{Encoder: tinyEncoder(t)})
		assert.ErrorContains(t, err, c.says)
	}
	_, err := New("byol", nil, Setup{Encoder: tinyEncoder(t)})
	assert.ErrorContains(t, err, "method byol: another: found none, expected a second encoder")
	_, err = New("byol", SimCLRConfig{}, Setup{Encoder: tinyEncoder(t)})
	assert.ErrorContains(t, err, "method byol: settings: found ssl.SimCLRConfig, expected ssl.BYOLConfig")
	_, err = New("byol", nil, Setup{})
	assert.ErrorContains(t, err, "method byol: encoder: found none")
	_, err = New("byol", nil, Setup{Encoder: tinyEncoder(t), Another: func() (nn.Encoder, error) { return nil, fmt.Errorf("no memory") }})
	assert.ErrorContains(t, err, "method byol: no memory")
	for _, name := range twoViewed() {
		p := newProblem(t, problemOptions{method: name})
		assert.Equal(t, name, p.method.Name())
		assert.Equal(t, 2, p.method.Views())
		assert.Panics(t, func() {
			p.method.Loss(&nn.Context{Tape: p.config.Engine.NewTape(tensor.Training)}, randomViews(4)[:1])
		}, name)
	}
}
