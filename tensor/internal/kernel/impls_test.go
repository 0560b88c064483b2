package kernel

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// onEachImpl runs test on every implementation that is built in. One that the
// CPU cannot run is skipped by name, or fails the test if the environment
// variable LOCIMEM_REQUIRE_ISA (names with commas) says that it has to run.
func onEachImpl(t *testing.T, test func(t *testing.T, impl *Impl)) {
	required := strings.Split(os.Getenv("LOCIMEM_REQUIRE_ISA"), ",")
	for _, impl := range All() {
		t.Run(impl.Name, func(t *testing.T) {
			if missing := impl.Missing(); missing != "" {
				if slices.Contains(required, impl.Name) {
					t.Fatalf("LOCIMEM_REQUIRE_ISA names %s, but this CPU lacks %s", impl.Name, missing)
				}
				t.Skipf("not tested: this CPU lacks %s", missing)
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
	for _, name := range strings.Split(os.Getenv("LOCIMEM_REQUIRE_ISA"), ",") {
		if name != "" && !slices.Contains(names, name) {
			t.Errorf("LOCIMEM_REQUIRE_ISA names %s, which is not among %v", name, names)
		}
	}
}
