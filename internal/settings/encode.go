package settings

import (
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Encode writes the struct that v points to as a YAML document that Decode
// reads back to the same values: fields in the order of their declaration,
// lists on one line.
func Encode(w io.Writer, v any) error {
	var b strings.Builder
	encode(&b, 0, reflect.ValueOf(v).Elem())
	_, err := io.WriteString(w, b.String())
	return err
}

func encode(b *strings.Builder, depth int, v reflect.Value) {
	for _, inner := range fields([]reflect.Value{v}) {
		b.WriteString(strings.Repeat("  ", depth))
		b.WriteString(inner.name)
		b.WriteByte(':')
		f := inner.same[0]
		if optional(f.Type()) && !f.IsNil() {
			f = f.Elem()
		}
		if f.Kind() == reflect.Struct {
			b.WriteByte('\n')
			encode(b, depth+1, f)
		} else {
			b.WriteString(" " + Text(f) + "\n")
		}
	}
}

// plain matches the texts that need no quotes in YAML, but for words.
var plain = regexp.MustCompile(`^[A-Za-z_/][A-Za-z0-9_./-]*$`)

// words are read as something else than texts when they stand unquoted.
var words = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}

// Text returns the value of a leaf as YAML on one line. Equal values have equal
// texts and different values different ones.
func Text(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return "null"
		}
		return Text(v.Elem())
	case reflect.Slice, reflect.Array:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = Text(v.Index(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.String:
		s := v.String()
		if plain.MatchString(s) && !slices.Contains(words, strings.ToLower(s)) {
			return s
		}
		return quote(s)
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits())
	}
	return fmt.Sprint(v.Interface())
}

// quote returns s between double quotes, with YAML's escapes.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
