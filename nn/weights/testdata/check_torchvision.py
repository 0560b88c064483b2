"""Exchanges encoders with torchvision and timm, for torchvision_test.go:

    python check_torchvision.py DIR

DIR holds ENCODER_STEM.safetensors, written by this project. Each must load into
torchvision's network of that name with strict=True, once its classifier is taken
off and, for the stem cifar, its stem replaced; with the stem timm, into timm's
vision transformer. The features that it then gives
for a ramp of pixels, in evaluation mode, go to ENCODER_STEM.features.safetensors.
The other way, theirs_ENCODER_STEM.safetensors gets the state of another network,
with its classifier, and theirs_ENCODER_STEM.features.safetensors its features.
"""

import sys
from pathlib import Path

import timm
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch import nn


def network(encoder, stem):
    if stem == "timm":  # the images but for the last column, which fills no patch
        size, _, patch = encoder.removeprefix("vit_").partition("_patch")
        name = f"vit_{size}_patch16_224"
        return timm.create_model(name, img_size=(40, 32), patch_size=int(patch), num_classes=7).eval()
    net = getattr(torchvision.models, encoder)()
    if stem == "cifar":
        net.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        net.maxpool = nn.Identity()
    return net.eval()


def features(net):
    head = "fc" if hasattr(net, "fc") else "head"
    classifier = getattr(net, head)
    setattr(net, head, nn.Identity())
    x = torch.arange(2 * 40 * 33 * 3, dtype=torch.float32).reshape(2, 40, 33, 3)
    with torch.no_grad():
        x = (x * 0.7).sin().permute(0, 3, 1, 2)
        y = net(x if head == "fc" else x[..., :32])
    setattr(net, head, classifier)
    return {"features": y.contiguous()}


torch.set_num_threads(1)
torch.manual_seed(1)
for path in sorted(Path(sys.argv[1]).glob("*.safetensors")):
    encoder, stem = path.stem.rsplit("_", 1)
    net = network(encoder, stem)
    setattr(net, "head" if stem == "timm" else "fc", nn.Identity())
    net.load_state_dict(load_file(path), strict=True)
    save_file(features(net), path.with_suffix(".features.safetensors"))
    net = network(encoder, stem)
    for m in net.modules():
        if isinstance(m, nn.LayerNorm):
            nn.init.uniform_(m.weight, 0.5, 1)
            nn.init.uniform_(m.bias, -0.1, 0.1)
        if isinstance(m, nn.BatchNorm2d):
            nn.init.uniform_(m.running_mean, -0.1, 0.1)
            nn.init.uniform_(m.running_var, 0.5, 1.5)
            nn.init.uniform_(m.weight, 0.5, 1)
            nn.init.uniform_(m.bias, -0.1, 0.1)
    save_file(net.state_dict(), path.with_name("theirs_" + path.name))
    save_file(features(net), path.with_name("theirs_" + path.stem + ".features.safetensors"))
    print(path.name)
