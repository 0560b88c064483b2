"""Writes pickles/pN: two images in the form of CIFAR's Python version, in pickle protocol N.

The official files are of protocol 2 as Python 2 writes it; cifarpython_test.go makes those.
Made with Python 3.11 and NumPy 2.
"""
import pickle
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent / "pickles"


def main():
    HERE.mkdir(exist_ok=True)
    data = (np.arange(2 * 3072) // 96 * 3 % 256).astype(np.uint8).reshape(2, 3072)
    for protocol in (2, 3, 4, 5):
        batch = {
            b"batch_label": b"training batch 1 of 5",
            "labels": [3, 9],
            "data": np.asfortranarray(data) if protocol == 3 else data,
            "filenames": ["a_s_1.png", "b_s_2.png"],
        }
        (HERE / f"p{protocol}").write_bytes(pickle.dumps(batch, protocol=protocol))


main()
