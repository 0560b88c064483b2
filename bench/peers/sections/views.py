"""SimCLR's views beside torchvision."""

from statistics import median

from harness.numbers import case, goal, ratio
from harness.text import ratio_text, table

TITLE = "Views of SimCLR: crop, flip, jitter, grayscale, normalise, 32x32, 1 thread"


def measure(lab):
    images = 64 if lab.quick else 256
    args = ["--images", images, "--reps", 2 if lab.quick else 5]
    torch = lab.server("torchvision_views.py")
    r = lab.interleave("views", {
        # the step beside the views is not looked at, so it may be a small one
        "locimem": (lab.locimem("bench", "step"), ["--batch", images, "--width", 0.125, "--threads", 1, *args[2:]]),
        "torchvision, float32": (torch, [*args, "--kind", "float"]),
        "torchvision, bytes": (torch, [*args, "--kind", "uint8"]),
    })  # fmt: skip
    return {"cases": [case("views", r, "views_ms", threads=1, images=images)]}


def goals(data):
    return [goal("over the quicker of torchvision's two", ratio(data["cases"][0]), 5, 1)]


def render(data):
    c = data["cases"][0]
    rows = [[name, f"{1e3 * median(v) / c['images'] / 2:.1f}",
             "" if name == "locimem" else ratio_text(c, name)]
            for name, v in c["values"].items()]
    return table(["", "us a view", "ratio"], rows)
