package nn

import "slices"

// Unregister takes back RegisterEncoder, so that tests do not see the encoders of
// others.
func Unregister(name string) {
	registry.Lock()
	defer registry.Unlock()
	delete(registry.of, name)
	registry.names = slices.DeleteFunc(registry.names, func(n string) bool { return n == name })
}
