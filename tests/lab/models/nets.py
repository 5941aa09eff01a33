"""The networks, and how they are trained: plain PyTorch, one thread, seeded."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

BATCH = 32
LEARNING_RATE = 1e-3


def lenet_300_100() -> nn.Sequential:
    """784-300-100-10, fully connected (LeCun et al. 1998), with ReLU."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10)
    )


def lenet5(width: int = 1) -> nn.Sequential:
    """LeNet-5 (LeCun et al. 1998), with ReLU and max pooling; ``width`` times its feature maps."""
    first, second = 6 * width, 16 * width
    return nn.Sequential(
        *(nn.Conv2d(1, first, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(first, second, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(second * 25, 120), nn.ReLU()),
        *(nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


@dataclass(frozen=True)
class Task:
    """Training images as a network sees them, ``(n, 1, h, w)`` float32, and their classes."""

    images: torch.Tensor
    labels: torch.Tensor


def train(net: nn.Module, task: Task, *, epochs: int, seed: int) -> None:
    """Train in place: Adam on cross entropy, the learning rate falling to 0 along a cosine."""
    shuffle = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(net.parameters(), LEARNING_RATE, weight_decay=1e-4)
    batches = -(-len(task.labels) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * batches)
    for _ in range(epochs):
        for chosen in torch.randperm(len(task.labels), generator=shuffle).split(BATCH):
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(task.images[chosen]), task.labels[chosen]).backward()
            optimiser.step()
            schedule.step()


@dataclass(frozen=True)
class Conv:
    """A convolution without padding, then ReLU. ``weight`` is (out, in, 5, 5)."""

    weight: np.ndarray
    bias: np.ndarray
    dilation: int = 1


@dataclass(frozen=True)
class Pool:
    """Maximum over squares that do not overlap."""

    size: int


@dataclass(frozen=True)
class Dense:
    """A full connection. ``weight`` is (out, in), inputs ordered channel, row, column."""

    weight: np.ndarray
    bias: np.ndarray
    relu: bool


@dataclass(frozen=True)
class Enlarge:
    """Every pixel ``factor`` times in both directions."""

    factor: int


Layer = Conv | Pool | Dense | Enlarge


def layers_of(net: nn.Sequential) -> list[Layer]:
    """Return a trained network as plain arrays, ready to be written in any format."""
    found: list[Layer] = []
    modules = list(net)
    for module, after in zip(modules, [*modules[1:], None], strict=True):
        match module:
            case nn.Conv2d():
                found.append(Conv(_array(module.weight), _array(module.bias)))
            case nn.MaxPool2d():
                found.append(Pool(2))
            case nn.Linear():
                found.append(Dense(_array(module.weight), _array(module.bias), isinstance(after, nn.ReLU)))
    return found


def _array(parameter: torch.Tensor) -> np.ndarray:
    return parameter.detach().numpy().astype(np.float32)


def oversampled(layers: list[Layer], factors: list[int]) -> list[Layer]:
    """Compute the n-th convolution at ``factors[n]`` times the resolution it needs: same answers, factor² the work.

    The image is enlarged, the kernel spread by as much (dilation), and pooling takes squares as much larger.
    """
    spread: list[Layer] = []
    left, factor = list(factors), 1
    for layer in layers:
        match layer:
            case Conv():
                factor = left.pop(0)
                spread += [Enlarge(factor), Conv(layer.weight, layer.bias, dilation=factor)]
            case Pool():
                spread.append(Pool(layer.size * factor))
            case _:
                spread.append(layer)
    return spread
