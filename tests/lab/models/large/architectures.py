"""Six nets as their papers, and the code that the papers' authors or PyTorch published, describe them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .graph import CLASSES, IMAGE, Builder

Build = Callable[[Builder], None]


@dataclass(frozen=True)
class Architecture:
    """One net, and where it is described."""

    title: str
    build: Build
    source: str


def _mobilenet_v1(b: Builder) -> None:
    x = b.conv(IMAGE, b.thinned(32), 3, stride=2, activation="relu6")
    strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]
    channels = [64, 128, 128, 256, 256, *[512] * 6, 1024, 1024]
    for stride, wanted in zip(strides, channels, strict=True):
        x = b.conv(b.depthwise(x, stride=stride), b.thinned(wanted), 1, activation="relu6")
    b.dense(b.average(x), CLASSES)


_BOTTLENECKS = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]
"""MobileNet V2, table 2: expansion, channels, how many, stride of the first."""


def _mobilenet_v2(b: Builder) -> None:
    x = b.conv(IMAGE, b.thinned(32), 3, stride=2, activation="relu6")
    for expansion, channels, times, stride in _BOTTLENECKS:
        for at in range(times):
            x = _bottleneck(b, x, expansion, b.thinned(channels), stride if at == 0 else 1)
    last = max(1280, b.thinned(1280))  # section 5: not thinned, where the others are
    b.dense(b.average(b.conv(x, last, 1, activation="relu6")), CLASSES)


def _bottleneck(b: Builder, x: int, expansion: int, channels: int, stride: int) -> int:
    before = b.shapes[x][1]
    wide = b.conv(x, before * expansion, 1, activation="relu6") if expansion > 1 else x
    narrow = b.conv(b.depthwise(wide, stride=stride), channels, 1, activation="none")
    return b.add(x, narrow) if stride == 1 and before == channels else narrow


def _squeezenet(b: Builder) -> None:
    x = b.conv(IMAGE, b.thinned(64), 3, stride=2, pad=0)
    for at, squeezed in enumerate([16, 16, 32, 32, 48, 48, 64, 64]):
        if at in (0, 2, 4):
            x = b.max_pool(x, 3, 2)
        narrow = b.conv(x, b.thinned(squeezed), 1)
        sides = [b.conv(narrow, b.thinned(4 * squeezed), kernel) for kernel in (1, 3)]
        x = b.concat(*sides)
    b.average(b.conv(x, CLASSES, 1))


def _alexnet(b: Builder) -> None:
    x = b.max_pool(b.conv(IMAGE, b.thinned(64), 11, stride=4, pad=2), 3, 2)
    x = b.max_pool(b.conv(x, b.thinned(192), 5), 3, 2)
    for channels in (384, 256, 256):
        x = b.conv(x, b.thinned(channels), 3)
    _classified(b, b.max_pool(x, 3, 2))


def _vgg_16(b: Builder) -> None:
    x = IMAGE
    for channels, times in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(times):
            x = b.conv(x, b.thinned(channels), 3)
        x = b.max_pool(x, 2, 2)
    _classified(b, x)


def _classified(b: Builder, x: int) -> None:
    x = b.flatten(x)
    for _ in range(2):
        x = b.dense(x, b.thinned(4096), activation="relu")
    b.dense(x, CLASSES)


def _resnet_18(b: Builder) -> None:
    x = b.max_pool(b.conv(IMAGE, b.thinned(64), 7, stride=2), 3, 2, pad=1)
    for at, channels in enumerate([64, 64, 128, 128, 256, 256, 512, 512]):
        wanted, stride = b.thinned(channels), 2 if at in (2, 4, 6) else 1
        inner = b.conv(b.conv(x, wanted, 3, stride=stride), wanted, 3, activation="none")
        same = b.shapes[x] == b.shapes[inner]
        x = b.add(x if same else b.conv(x, wanted, 1, stride=stride, activation="none"), inner, activation="relu")
    b.dense(b.average(x), CLASSES)


ARCHITECTURES: Mapping[str, Architecture] = {
    "mobilenet-v1": Architecture(
        "MobileNet V1", _mobilenet_v1, "arXiv 1704.04861, table 1; ReLU6 as in its authors' code"
    ),
    "mobilenet-v2": Architecture("MobileNet V2", _mobilenet_v2, "arXiv 1801.04381, table 2"),
    "squeezenet": Architecture("SqueezeNet 1.1", _squeezenet, "arXiv 1602.07360; 1.1 as in its authors' code"),
    "alexnet": Architecture("AlexNet", _alexnet, "arXiv 1404.5997: one tower, 224 x 224, as torchvision's"),
    "vgg-16": Architecture("VGG-16", _vgg_16, "arXiv 1409.1556, configuration D"),
    "resnet-18": Architecture("ResNet-18", _resnet_18, "arXiv 1512.03385, table 1"),
}
"""By the name on the command line."""
