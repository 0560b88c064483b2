package kernel

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGet(t *testing.T) {
	onEachImpl(t, func(t *testing.T, k *Impl) {
		got, err := Get(k.Name)
		require.NoError(t, err)
		assert.Equal(t, k.Name, got.Name)
		assert.Positive(t, k.MR)
		assert.Positive(t, k.NR)
	})
	_, err := Get("mmx")
	assert.ErrorContains(t, err, `instruction set "mmx" is not built into this program, which has`)
	assert.ErrorContains(t, err, "generic")
}

func TestGetNamesWhatTheCPULacks(t *testing.T) {
	generic.missing = func() string { return "AVX1024" }
	defer func() { generic.missing = func() string { return "" } }()
	_, err := Get("generic")
	assert.EqualError(t, err, `instruction set "generic": this CPU lacks AVX1024`)
}

func TestChoose(t *testing.T) {
	t.Setenv("LOCIMEM_ISA", "")
	k, err := Choose()
	require.NoError(t, err)
	for _, faster := range All() {
		if faster.Name == k.Name {
			break
		}
		assert.NotEmpty(t, faster.Missing(), "%s is faster than %s", faster.Name, k.Name)
	}
	t.Setenv("LOCIMEM_ISA", "generic")
	k, err = Choose()
	require.NoError(t, err)
	assert.Equal(t, "generic", k.Name)
	t.Setenv("LOCIMEM_ISA", "mmx")
	_, err = Choose()
	assert.ErrorContains(t, err, `LOCIMEM_ISA: instruction set "mmx"`)
}

func TestGenericIsLast(t *testing.T) {
	all := All()
	assert.Equal(t, "generic", all[len(all)-1].Name)
	assert.Empty(t, all[len(all)-1].Missing())
}
