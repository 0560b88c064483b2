"""Encoders of torchvision and timm for TestScoreYourOwnEncoders:

    python encoders.py OUT

writes views.npz, and for each encoder NAME and side f, g the weights, classifier
included and behind a prefix, NAME_f.safetensors, and activations, NAME_f.npz.
"""

import sys
from pathlib import Path

import timm
import torch
import torchvision
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "docs"))
from score_your_own import save_activations, save_views

out = Path(sys.argv[1])
torch.manual_seed(1)
torch.set_num_threads(1)
points, v, size = 16, 3, 16
views = torch.randn(points, 1, 3, size, size) + torch.rand(points, 1, 1, 1, 1) * torch.randn(points, v, 3, size, size)
arrays = {
    "candidate": range(0, 5),
    "independent": range(5, 10),
    "shared": range(10, 13),
    "external": range(13, 16),
    "labels": [i % 3 for i in range(points)],
}
save_views(out / "views.npz", views, **arrays)


def resnet18():
    net = torchvision.models.resnet18(num_classes=10)
    net.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
    net.maxpool = torch.nn.Identity()
    layers = ["conv1", "bn1", "layer1.0", "layer2.0.downsample.1", "layer4.1.conv2", "layer4.1"]
    return net, layers


def vit_tiny_patch4():
    net = timm.create_model("vit_tiny_patch16_224", img_size=size, patch_size=4, num_classes=10)
    layers = ["patch_embed", "blocks.0.attn.qkv", "blocks.5.attn.proj", "blocks.5.mlp.act", "blocks.11", "norm"]
    return net, layers


for make in resnet18, vit_tiny_patch4:
    for side in "fg":
        net, layers = make()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
        for _ in range(2):  # norms and weights that are not those of a new network
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(torch.randn(8, 3, size, size)), torch.arange(8)).backward()
            optimizer.step()
        save_activations(out / f"{make.__name__}_{side}.npz", net, layers, views, **arrays)
        state = {f"module.backbone.{name}": value for name, value in net.state_dict().items()}
        save_file(state, out / f"{make.__name__}_{side}.safetensors")
