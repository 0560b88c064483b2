"""Makes the small MAT-files of svhn_test.go and of ../../internal/mat5 with SciPy:
4 images, whose pixel at row y, column x, channel c of image n is
(50 n + 20 c + 7 y + x) mod 256, with the labels 10, 1, 9, 5.

    python make_svhn.py
"""

from pathlib import Path

import numpy as np
import scipy.io

here = Path(__file__).parent
y, x, c, n = np.ogrid[:32, :32, :3, :4]
X = ((50 * n + 20 * c + 7 * y + x) % 256).astype(np.uint8)
labels = np.array([[10], [1], [9], [5]])
for name, packed, dtype in [("svhn.mat", True, np.uint8), ("svhn-plain-double.mat", False, np.float64)]:
    scipy.io.savemat(here / name, {"X": X, "y": labels.astype(dtype)}, do_compression=packed)

mats = here / "../../internal/mat5/testdata"
every = {f"v_{np.dtype(t).name}": (np.arange(6).reshape(2, 3) - (3 if np.dtype(t).kind != "u" else 0)).astype(t)
         for t in ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8", "i8", "u8"]}
every |= {"text": "hello", "cell": np.array([1, "a"], dtype=object), "empty": np.zeros((0, 3)), "one": 7}
for name, packed in [("packed.mat", True), ("plain.mat", False)]:
    scipy.io.savemat(mats / name, every, do_compression=packed)
