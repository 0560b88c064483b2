"""Matrix products beside OpenBLAS and BLIS."""

from harness.numbers import case, geomean, goal, ours, ratio
from harness.text import flop_table, gflops

from . import peak

TITLE = "Matrix products, M x N x K, float32"

SHAPES = [(n, n, n) for n in (64, 128, 256, 512, 1024, 2048)] + [
    (192, 16640, 192), (768, 16640, 192), (16640, 192, 192), (16640, 768, 192), (64, 4096, 576), (256, 256, 2304),
]  # fmt: skip
# C = A B, A B^T (a layer forward), A^T B (the gradient of its weights)
TRANS = ["nn", "nt", "tn"]


def measure(lab):
    lab.needs("bench", "gemm", flags=["--trans-a", "--trans-b"])
    shapes = [SHAPES[i] for i in (0, 4, 10)] if lab.quick else SHAPES
    programs = {"locimem": lab.locimem("bench", "gemm"), "OpenBLAS": lab.server("blas_gemm.py")}
    without = None
    try:
        blis = lab.server("blis_gemm.py")
        blis.ask(["-m", 8, "-n", 8, "-k", 8, "--reps", 1])
        programs["BLIS"] = blis
    except Exception as e:
        without = str(e)
    cases = []
    for threads in (1, 2):
        for m, n, k in shapes:
            for trans in TRANS[:1] if lab.quick else TRANS:
                flop = 2 * m * n * k
                # about an eighth of a second at 200 GFLOP/s
                reps = max(5, min(10000, int(0.125 * 2e11 * threads / flop)))
                flags = {"nn": [], "nt": ["--trans-b"], "tn": ["--trans-a"]}[trans]
                # locimem loops over short products itself
                own = ["--m", m, "--n", n, "--k", k, "--threads", threads, "--reps", min(reps, 500), *flags]
                others = ["-m", m, "-n", n, "-k", k, "--trans", trans, "--threads", threads, "--reps", reps]
                asked = {name: (p, own if name == "locimem" else others) for name, p in programs.items()}
                r = lab.interleave(f"gemm {m}x{n}x{k} {trans}, {threads} threads", asked)
                cases.append(case(f"{m} x {n} x {k}", r, "ms", trans=trans, threads=threads, flop=flop,
                                  bytes=4 * (m * k + k * n + m * n), shape=[m, n, k]))
    return {"cases": cases, "peak": lab_peak(lab), "without_blis": without}


def lab_peak(lab):
    """The peak by number of threads, in this run; None where it is unknown."""
    if not hasattr(lab, "peak"):
        try:
            lab.peak = peak.measure(lab)["gflops"]
        except Exception:
            lab.peak = None
    return lab.peak


def goals(data):
    out = []
    for threads in (1, 2):
        cases = [c for c in data["cases"] if c["threads"] == threads]
        if not cases:
            continue
        worst = min(cases, key=ratio)
        name = f"{worst['name']} {worst['trans']}"
        out.append(goal(f"{threads} thread{'s' * (threads > 1)}, worst shape ({name})", ratio(worst), 1))
        out.append(goal(f"{threads} thread{'s' * (threads > 1)}, geometric mean of {len(cases)} products",
                        geomean([ratio(c) for c in cases]), 1.05))
        for c in cases:
            if c["shape"] == [1024] * 3 and c["trans"] == "nn" and data["peak"]:
                out.append(goal(f"{threads} thread{'s' * (threads > 1)}, 1024 cubed, share of peak",
                                gflops(c["flop"], ours(c)) / data["peak"][str(threads)], 0.93))
    return out


def render(data):
    lines = ["GFLOP/s. The ratio is locimem's speed over that of the better library. nt: B comes transposed, as a "
             "layer's weights do; tn: A does, "
             "as for the gradient of the weights.", ""]  # fmt: skip
    if data["without_blis"]:
        lines += [f"BLIS not measured: {data['without_blis']}", ""]
    for threads in (1, 2):
        cases = [c for c in data["cases"] if c["threads"] == threads]
        if cases:
            lines += flop_table(cases, data["peak"], lambda c: [c["name"], c["trans"], str(c["threads"])],
                                ["shape", "", "threads"])
    return lines
