"""The sections of bench/RESULTS.md, in their order. A section is a module with

    TITLE            its heading
    measure(lab)     measures, and returns data that JSON can hold
    render(data)     lines of Markdown out of that data alone
    goals(data)      the goals of the project, computed from it

and, to be found, a name in SECTIONS. measure raises NotMeasured to say why not."""

from . import attention, conv, gemm, ladder, mae, peak, score, step, views, winograd

SECTIONS = {
    "peak": peak,
    "gemm": gemm,
    "conv": conv,
    "step": step,
    "winograd": winograd,
    "attention": attention,
    "mae": mae,
    "views": views,
    "score": score,
    "ladder": ladder,
}
