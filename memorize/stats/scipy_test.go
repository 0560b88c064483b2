package stats

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numbers are those of testdata/scipy_numbers.py.
type numbers struct {
	Two []struct {
		A, B             []float64
		T, DF, P, Lo, Hi float64
		D, Cliff, AUC    float64
		AUCSE            float64 `json:"auc_se"`
		TPR, Permutation []float64
	}
	One []struct {
		X, Flip   []float64
		P, Lo, Hi float64
	}
	Rank []struct {
		X, Y     []float64
		Tau, Rho float64
		TauP     float64 `json:"tau_p"`
		RhoP     float64 `json:"rho_p"`
	}
	Overlap []struct {
		N, K, Shared int
		P            float64
	}
	Binomial []struct {
		K, N          int
		P0, P, Lo, Hi float64
	}
	Multiple struct{ P, Holm, BH []float64 }
}

func scipy(t *testing.T) (n numbers) {
	b, err := os.ReadFile("testdata/scipy.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &n))
	return n
}

// near allows for 1e-9 of the larger number.
func near(t *testing.T, want, got float64, what ...any) {
	t.Helper()
	assert.InDelta(t, want, got, 1e-9*max(1, want, -want), what...)
}

var alternatives = []Alternative{TwoSided, Greater, Less}

func TestTwoSamplesAreThoseOfSciPy(t *testing.T) {
	permuted := 0
	for _, c := range scipy(t).Two {
		w, err := Welch(c.A, c.B, 0.9)
		require.NoError(t, err)
		near(t, c.T, w.T)
		near(t, c.DF, w.DF)
		near(t, c.P, w.P)
		near(t, c.Lo, w.Lo)
		near(t, c.Hi, w.Hi)
		d, err := CohenD(c.A, c.B)
		require.NoError(t, err)
		near(t, c.D, d)
		cliff, err := CliffDelta(c.A, c.B)
		require.NoError(t, err)
		near(t, c.Cliff, cliff)
		a, err := AUC(c.A, c.B, 0.95)
		require.NoError(t, err)
		near(t, c.AUC, a.AUC)
		near(t, c.AUCSE, a.SE)
		near(t, min(1, c.AUC+1.959963984540054*c.AUCSE), a.Hi)
		for i, fpr := range []float64{0, 0.05, 0.1, 0.5, 1} {
			got, err := TPRAt(c.A, c.B, fpr)
			require.NoError(t, err)
			near(t, c.TPR[i], got, "fpr %v", fpr)
		}
		for i, want := range c.Permutation {
			got, err := Permutation(c.A, c.B, alternatives[i], DefaultResampling(1, ""))
			require.NoError(t, err)
			near(t, want, got.P)
			assert.True(t, got.Exact)
			permuted++
		}
	}
	assert.Equal(t, 6, permuted)
}

func TestOneSampleIsThatOfSciPy(t *testing.T) {
	for _, c := range scipy(t).One {
		m, err := Student(c.X, 0.95)
		require.NoError(t, err)
		near(t, c.P, m.P)
		near(t, c.Lo, m.Lo)
		near(t, c.Hi, m.Hi)
		for i, want := range c.Flip {
			got, err := SignFlip(c.X, alternatives[i], DefaultResampling(1, ""))
			require.NoError(t, err)
			near(t, want, got.P)
			assert.True(t, got.Exact)
		}
	}
}

func TestRankingsAreThoseOfSciPy(t *testing.T) {
	for _, c := range scipy(t).Rank {
		k, err := Kendall(c.X, c.Y)
		require.NoError(t, err)
		near(t, c.Tau, k.Value)
		near(t, c.TauP, k.P, "%d values", len(c.X))
		s, err := Spearman(c.X, c.Y)
		require.NoError(t, err)
		near(t, c.Rho, s.Value)
		near(t, c.RhoP, s.P)
	}
}

func TestCountsAreThoseOfSciPy(t *testing.T) {
	n := scipy(t)
	for _, c := range n.Overlap {
		// Rankings whose first k have that many in common.
		x, y := make([]float64, c.N), make([]float64, c.N)
		for i := range c.K {
			x[i], y[i+c.K-c.Shared] = 1, 1
		}
		o, err := TopOverlap(x, y, c.K)
		require.NoError(t, err)
		assert.Equal(t, c.Shared, o.Shared)
		near(t, c.P, o.P, "%+v", c)
		near(t, float64(c.K)/float64(c.N), o.Expected)
	}
	for _, c := range n.Binomial {
		s, err := Binomial(c.K, c.N, c.P0, 0.95)
		require.NoError(t, err)
		near(t, c.P, s.P, "%+v", c)
		near(t, c.Lo, s.Lo)
		near(t, c.Hi, s.Hi)
	}
	holm, err := Holm(n.Multiple.P)
	require.NoError(t, err)
	bh, err := BH(n.Multiple.P)
	require.NoError(t, err)
	for i := range holm {
		near(t, n.Multiple.Holm[i], holm[i])
		near(t, n.Multiple.BH[i], bh[i])
	}
}
