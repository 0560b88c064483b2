package gemm

// A convolution's window slides along two axes in the same way, so what follows
// treats one axis at a time and in one form for both directions: an output
// position is a sum over taps, each of which joins one place of the kernel to
// one position of the input. Positions whose taps agree but for a shift form a
// span. Taps that would fall on the padding simply are not there: the zeros of
// the padding are never stored or multiplied. In small images that is much of
// the work; a 3 x 3 window on 2 x 2 pixels has 36 taps, and 20 of them see zeros.

// tap joins place k of the kernel to the position in of the input.
type tap struct{ k, in int }

// span is a run of n output positions out, out+outStep, ... The taps are those
// of the first; at each further position they are inStep further in the input.
type span struct {
	out, outStep, n int
	inStep          int
	taps            []tap
}

// axes cuts both axes of a convolution's output, or of its input when backward.
func (s ConvShape) axes(backward bool) (h, w []span) {
	if backward {
		return backwardAxis(s.H, s.OH(), s.KH, s.StrideH, s.PadH), backwardAxis(s.W, s.OW(), s.KW, s.StrideW, s.PadW)
	}
	return forwardAxis(s.OH(), s.H, s.KH, s.StrideH, s.PadH), forwardAxis(s.OW(), s.W, s.KW, s.StrideW, s.PadW)
}

// forwardAxis cuts the output of a convolution into spans: output o sees input
// o*stride - pad + k at place k.
func forwardAxis(out, in, kernel, stride, pad int) []span {
	var spans []span
	for o := range out {
		first := o*stride - pad
		lo, hi := max(0, -first), max(0, min(kernel, in-first))
		var taps []tap
		for k := lo; k < hi; k++ {
			taps = append(taps, tap{k, first + k})
		}
		spans = extend(spans, span{out: o, outStep: 1, n: 1, inStep: stride, taps: taps})
	}
	return spans
}

// backwardAxis cuts the input of a convolution, whose gradient is sought, into
// spans. Input i was seen at place k by output o where i = o*stride - pad + k,
// and that output's gradient now comes in. With a stride, only every
// stride'th place of the kernel is joined to a given i: those i that are a
// stride apart share their places. Going up the outputs is going down the
// kernel, so places are numbered from its end, and the weights are packed so.
func backwardAxis(in, out, kernel, stride, pad int) []span {
	var spans []span
	for phase := range min(stride, in) {
		for i := phase; i < in; i += stride {
			var taps []tap
			for k := kernel - 1; k >= 0; k-- {
				if o := i + pad - k; o >= 0 && o%stride == 0 && o/stride < out {
					taps = append(taps, tap{kernel - 1 - k, o / stride})
				}
			}
			spans = extend(spans, span{out: i, outStep: stride, n: 1, inStep: 1, taps: taps})
		}
	}
	return spans
}

// extend appends the one position of s to the last span if it continues it, and
// else as a new span.
func extend(spans []span, s span) []span {
	if len(spans) > 0 {
		last := &spans[len(spans)-1]
		if last.out+last.n*last.outStep == s.out && sameTaps(last.taps, s.taps, last.n*last.inStep) {
			last.n++
			return spans
		}
	}
	return append(spans, s)
}

// sameTaps says whether b is a, shifted in the input.
func sameTaps(a, b []tap, shift int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].k != b[i].k || a[i].in+shift != b[i].in {
			return false
		}
	}
	return true
}
