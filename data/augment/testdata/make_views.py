"""Makes views.npz: torchvision's image operations on fixed parameters, whole
pipelines of them, and the moments of its random crops, for golden_test.go.

    python data/augment/testdata/make_views.py

All operations work on float32 tensors in [0,1]. Images are not stored: `picture`
makes the same bytes here and in golden_test.go. Results are stored as (H,W,C).
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torchvision.transforms import InterpolationMode, RandomResizedCrop
from torchvision.transforms.v2 import functional as F

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "../../../internal/testutil"))
from golden import bits, save  # noqa: E402

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def picture(name, h, w, c=3):
    """Random bytes (h,w,c) in which some pixels are gray, some have two equal
    channels, and some values are 0 or 255: the special cases of hue."""
    p = (bits(name, h * w * c) >> np.uint64(56)).astype(np.uint8).reshape(-1, c)
    i = np.arange(len(p))
    p[i % 5 == 0] = p[i % 5 == 0][:, :1]
    p[i % 7 == 0, 0] = p[i % 7 == 0, c // 2]
    p[i % 11 == 0, c - 1] = p[i % 11 == 0, c // 2]
    p[i % 13 == 0, 0] = 255
    p[i % 17 == 0, c - 1] = 0
    return p.reshape(h, w, c)


def to_tensor(p):
    return F.to_dtype(torch.from_numpy(p).permute(2, 0, 1), torch.float32, scale=True)


def to_array(t):
    return t.permute(1, 2, 0).contiguous().numpy()


def resized_crop(t, box, size):
    return F.resized_crop(t, *box, list(size), interpolation=InterpolationMode.BILINEAR, antialias=True)


def blur(t, kernel, sigma):
    return F.gaussian_blur(t, [kernel, kernel], [sigma, sigma])


# name, arguments; all on picture("ops", 11, 13, c)
OPS = [("gray", [])]
OPS += [(op, [f]) for op in ("brightness", "contrast", "saturation") for f in (0.0, 0.6, 1.0, 1.37, 2.5)]
OPS += [("hue", [f]) for f in (-0.5, -0.3, -0.1, -0.01, 0.0, 0.03, 0.1, 0.25, 0.5)]
OPS += [("blur", [k, s]) for k, s in ((1, 0.5), (3, 0.1), (3, 0.9), (7, 1.5), (21, 2.0))]
OPS += [("normalize", [])]
# A threshold of 128 bytes is 0.5; 51/255 is a value that the picture has.
OPS += [("solarize", [t]) for t in (0.0, 51 / 255, 0.5, 1.0)] + [("invert", [])]
APPLY = {
    "gray": lambda t: F.rgb_to_grayscale(t, num_output_channels=t.shape[0]),
    "brightness": F.adjust_brightness,
    "contrast": F.adjust_contrast,
    "saturation": F.adjust_saturation,
    "hue": F.adjust_hue,
    "blur": blur,
    "solarize": F.solarize,
    "invert": F.invert,
    "normalize": lambda t: F.normalize(t, MEAN[: t.shape[0]], STD[: t.shape[0]]),
}

# image (h,w,c), box (top,left,height,width), size of the result
CROPS = [
    ((32, 32, 3), (0, 0, 32, 32), (32, 32)),
    ((32, 32, 3), (3, 5, 20, 17), (32, 32)),
    ((32, 32, 3), (31, 0, 1, 32), (32, 32)),
    ((17, 29, 3), (2, 4, 13, 25), (17, 29)),
    ((17, 29, 3), (16, 28, 1, 1), (5, 7)),
    ((31, 45, 3), (0, 0, 31, 45), (9, 14)),
    ((64, 48, 3), (7, 1, 50, 11), (23, 19)),
    ((96, 96, 3), (1, 2, 90, 93), (32, 32)),
    ((40, 40, 1), (5, 6, 30, 9), (16, 16)),
    ((64, 64, 3), (0, 0, 64, 64), (1, 1)),
]

# Views of picture("pipeline", 24, 20); order: 0 brightness, 1 contrast,
# 2 saturation, 3 hue.
ORDERS = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1], [3, 0, 1, 2], [1, 2, 0, 3]]
PIPELINES = [
    {
        "box": [k % 5, (3 * k) % 7, 19 - k, 8 + k % 6],
        "flip": k % 2 == 1,
        "vertical": k % 3 == 1,
        "order": ORDERS[k % len(ORDERS)],
        "brightness": [0.6, 1.4, 1.1, 0.9][k % 4],
        "contrast": [1.3, 0.7, 1.4, 0.6][(k // 2) % 4],
        "saturation": [0.6, 1.2, 1.4][k % 3],
        "hue": [0.1, -0.1, 0.03, -0.2, 0.0][k % 5],
        "gray": k % 4 == 3,
        "sigma": [0.0, 0.4, 1.7][k % 3],
        "solarize": k % 4 == 1,
        "invert": k % 5 == 2,
        "normalize": k % 5 != 4,
        "size": [[24, 20], [16, 12]][k % 6 == 5],
    }
    for k in range(12)
]
KERNEL = 5
THRESHOLD = 0.5


def pipeline(t, p):
    t = resized_crop(t, p["box"], p["size"])
    if p["flip"]:
        t = F.horizontal_flip(t)
    if p["vertical"]:
        t = F.vertical_flip(t)
    for op in p["order"]:
        name = ["brightness", "contrast", "saturation", "hue"][op]
        t = APPLY[name](t, p[name])
    if p["gray"]:
        t = APPLY["gray"](t)
    if p["sigma"] > 0:
        t = blur(t, KERNEL, p["sigma"])
    if p["solarize"]:
        t = F.solarize(t, THRESHOLD)
    if p["invert"]:
        t = F.invert(t)
    return APPLY["normalize"](t) if p["normalize"] else t


# image (h,w), scale, ratio
BOXES = [
    ((32, 32), (0.2, 1.0), (3 / 4, 4 / 3)),
    ((20, 50), (0.5, 1.0), (3 / 4, 4 / 3)),
    ((50, 20), (0.9, 1.0), (3 / 4, 4 / 3)),
    ((13, 7), (0.08, 1.0), (0.5, 3.0)),
]
DRAWS = 100_000


def box_moments(shape, scale, ratio):
    """Mean and standard deviation of what golden_test.go's boxNumbers returns."""
    h, w = shape
    img = torch.zeros(3, h, w)
    b = np.array([RandomResizedCrop.get_params(img, scale, ratio) for _ in range(DRAWS)], dtype=np.float64)
    top, left, bh, bw = b.T
    x = np.stack([top, left, bh, bw, bh * bw, bw / bh, top * left, (bh == h) & (bw == w), bh == h, bw == w])
    return np.stack([x.mean(1), x.std(1)])


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    out = {}
    for c in (1, 3):
        t = to_tensor(picture("ops", 11, 13, c))
        for op, args in OPS:
            out[f"op/{c}/{op}/{'/'.join(map(str, args))}"] = to_array(APPLY[op](t, *args))
    for k, (shape, box, size) in enumerate(CROPS):
        out[f"crop/{k}"] = to_array(resized_crop(to_tensor(picture(f"crop/{k}", *shape)), box, size))
    for k, p in enumerate(PIPELINES):
        out[f"pipeline/{k}"] = to_array(pipeline(to_tensor(picture("pipeline", 24, 20)), p))
    for k, b in enumerate(BOXES):
        out[f"boxes/{k}"] = box_moments(*b)
    save(
        HERE / "views.npz",
        out,
        ops=[{"op": op, "args": args, "name": f"{op}/{'/'.join(map(str, args))}"} for op, args in OPS],
        crops=[{"shape": s, "box": b, "size": z} for s, b, z in CROPS],
        pipelines=PIPELINES,
        kernel=KERNEL,
        threshold=THRESHOLD,
        boxes=[{"shape": s, "scale": sc, "ratio": r} for s, sc, r in BOXES],
        draws=DRAWS,
    )


main()
