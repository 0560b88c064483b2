package run

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/data"
)

// oneClass is a data set whose images are all of one class.
type oneClass struct {
	data.Dataset
	label int
}

func (d oneClass) Label(int) int { return d.label }

// lines keeps what a Reporter is told.
type lines struct {
	Silent
	said string
}

func (l *lines) Printf(format string, args ...any) { l.said += fmt.Sprintf(format, args...) + "\n" }

func TestNoClassMemWithoutClasses(t *testing.T) {
	for _, label := range []int{3, -1} {
		l, err := Open(tiny(t))
		require.NoError(t, err)
		l.Train = oneClass{l.Train, label}
		var rep lines
		got, err := classMem(context.Background(), nil, l, nil, nil, &rep)
		require.NoError(t, err)
		assert.Nil(t, got)
		assert.Contains(t, rep.said, "no ClassMem")
	}
}
