"""Makes torch.safetensors with the safetensors package, for weights_test.go:

    pip install torch safetensors
    python make_safetensors.py

Element i of every tensor, in its order in the file, is i/4 - 1, which all float
types hold exactly; "special" has the values that are hard to convert. With a
file as argument it prints what the safetensors package reads from it instead.
"""

import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file


def ramp(*shape, dtype=torch.float32):
    n = torch.Size(shape).numel()
    return (torch.arange(n, dtype=torch.float64) / 4 - 1).to(dtype).reshape(shape)


def make(path):
    special = [0.0, -0.0, 65504.0, 2.0**-24, 3 * 2.0**-20, -(2.0**-14), 1 / 3, float("inf"), float("-inf"), float("nan")]
    tensors = {
        "conv1.weight": ramp(2, 3, 2, 1),
        "conv1.bias": ramp(2, dtype=torch.float64),
        "bn1.weight": ramp(2, dtype=torch.float16),
        "bn1.bias": ramp(2, dtype=torch.bfloat16),
        "bn1.running_mean": ramp(2),
        "bn1.running_var": ramp(2),
        "bn1.num_batches_tracked": torch.tensor(7),
        "fc.weight": ramp(3, 2),
        "fc.bias": ramp(3),
        "half.special": torch.tensor(special, dtype=torch.float16),
        "bfloat.special": torch.tensor(special, dtype=torch.bfloat16),
        "scalar": ramp(),
        "empty": ramp(0, 3),
        'quoted "ü" \\': ramp(1),
    }
    save_file(tensors, path, metadata={"epoch": "3", "note": 'ü "quoted"'})
    print(f"{path}: {path.stat().st_size} bytes")


def show(path):
    with safe_open(path, "pt") as f:
        print(f.metadata())
        for name in sorted(f.keys()):
            t = f.get_tensor(name)
            print(repr(name), t.dtype, list(t.shape), t.flatten()[:12].tolist())


if len(sys.argv) > 1:
    show(sys.argv[1])
else:
    make(Path(__file__).with_name("torch.safetensors"))
