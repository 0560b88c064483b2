package kernel

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/locimem/locimem/internal/testutil"
)

// onEachImpl runs test on every implementation that is built in. One that the
// CPU cannot run is skipped by name, or fails the test if the environment
// variable LOCIMEM_REQUIRE_ISA (names with commas) says that it has to run.
func onEachImpl(t *testing.T, test func(t *testing.T, impl *Impl)) {
	for _, impl := range All() {
		t.Run(impl.Name, func(t *testing.T) {
			if missing := impl.Missing(); missing != "" {
				testutil.MissingISA(t, impl.Name, fmt.Errorf("this CPU lacks %s", missing))
			}
			test(t, impl)
		})
	}
}

func TestRequiredImplsAreBuiltIn(t *testing.T) {
	var names []string
	for _, impl := range All() {
		names = append(names, impl.Name)
	}
	for _, impl := range AllBF16() {
		names = append(names, impl.Name)
	}
	for _, name := range strings.Split(os.Getenv("LOCIMEM_REQUIRE_ISA"), ",") {
		if name != "" && !slices.Contains(names, name) {
			t.Errorf("LOCIMEM_REQUIRE_ISA names %s, which is not among %v", name, names)
		}
	}
}
