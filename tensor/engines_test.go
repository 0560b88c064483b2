package tensor

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
)

// testEngine returns an engine of so many threads that is closed at the end of the
// test.
func testEngine(t testing.TB, threads int) *Engine {
	t.Helper()
	return engineOf(t, Options{Threads: threads})
}

// bf16Engine is testEngine with layers in bf16.
func bf16Engine(t testing.TB, threads int) *Engine {
	t.Helper()
	return engineOf(t, Options{Threads: threads, Precision: BF16})
}

// engineOf returns an engine that is closed at the end of the test.
func engineOf(t testing.TB, o Options) *Engine {
	t.Helper()
	e, err := NewEngine(o)
	require.NoError(t, err)
	t.Cleanup(e.Close)
	return e
}

// OnEveryISA runs a test with the kernels of each instruction set that the program
// has. One that this CPU cannot run is skipped by name, or fails where
// LOCIMEM_REQUIRE_ISA lists it. Without o.Threads the engines have one, two and
// three threads in turn. It is exported for the tests in package tensor_test.
func OnEveryISA(t *testing.T, o Options, test func(t *testing.T, e *Engine)) {
	threads := o.Threads
	for i, isa := range ISAs() {
		t.Run(isa.Name, func(t *testing.T) {
			o.ISA, o.Threads = isa.Name, threads
			if threads == 0 {
				o.Threads = 1 + i%3
			}
			e, err := NewEngine(o)
			if err != nil {
				testutil.MissingISA(t, isa.Name, err)
			}
			defer e.Close()
			test(t, e)
		})
	}
}
