"""Times a SimCLR training step of a ResNet in PyTorch: forward, NT-Xent,
backward, Adam. The views are there beforehand.

    python bench/peers/torch_step.py [--encoder resnet18] [--batch 256] [--threads 2] [--layout both]

The peer of `locimem bench step`, whose step_ms is the same. A batch of 256 images
is 512 views. Each layout runs in a process of its own, for the sake of its peak
memory.

glibc gives every large buffer back to the system when PyTorch frees it, so each
step faults all its memory in again, which took two fifths of its time where it was
measured. --keep tells glibc to keep freed memory: the time is then that of the
arithmetic, and more memory is in use. With it PyTorch is the fairer peer; without it,
it is what a user gets who does not know of this.
"""

from common import autocast_option, layout_option, options, run, start_torch, training_step


def step(a):
    import torch
    from resnet import ResNet
    from resnet9 import SimCLR

    imported = start_torch(a)
    model = SimCLR(a.width, encoder=None if a.encoder == "resnet9" else ResNet(a.encoder, a.width, a.stem))
    views = torch.randn(2 * a.batch, 3, a.size, a.size)
    if a.layout == "channels_last":
        model = model.to(memory_format=torch.channels_last)
        views = views.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    training_step(a, imported, f"{a.encoder}, {a.layout}", model, optimizer, lambda: (views,),
                  encoder=a.encoder, width=a.width, layout=a.layout)  # fmt: skip


def main():
    p = options("SimCLR step in PyTorch", reps=10)
    p.add_argument("--encoder", choices=["resnet9", "resnet18", "resnet34", "resnet50"], default="resnet9")
    p.add_argument("--stem", choices=["cifar", "imagenet"], default="cifar",
                   help="of resnet18, 34 and 50 (default cifar)")  # fmt: skip
    p.add_argument("--batch", type=int, default=256, help="images, each with two views (default 256)")
    p.add_argument("--size", type=int, default=32, help="height and width of the images (default 32)")
    p.add_argument("--width", type=float, default=1, help="width factor of the encoder (default 1)")
    layout_option(p)
    autocast_option(p)
    run(step, p)


if __name__ == "__main__":
    main()
