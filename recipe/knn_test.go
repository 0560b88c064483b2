package recipe

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestKNNDue(t *testing.T) {
	var due []int
	for epoch := 1; epoch <= 50; epoch++ {
		if (KNN{Every: 20}).Due(epoch, 50) {
			due = append(due, epoch)
		}
		assert.False(t, KNN{}.Due(epoch, 50))
	}
	assert.Equal(t, []int{1, 20, 40, 50}, due)
}
