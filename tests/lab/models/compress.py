"""Compression: pruning, weight sharing (Han et al. 2016, "Deep Compression") and 8-bit integers."""

from dataclasses import dataclass

import numpy as np
import torch
from nets import Conv, Dense, Layer, Pool, Task, train
from torch import nn
from torch.nn.utils import parametrize

INPUT_SCALE = 1 / 16
"""Grey values are 0 to 16, real inputs 0 to 1: a quantised input is the grey value itself, without loss."""

WEIGHT_MAX = 63
"""Weights stay within 7 bits and a sign. x86 without VNNI adds two products of uint8 by int8 in saturating 16 bits
(PMADDUBSW): 2 · 255 · 63 = 32,130 fits in, 2 · 255 · 127 does not. So every x86 gets the same integers."""

ACTIVATION_MAX = 255


class Masked(nn.Module):
    """Holds pruned weights at 0 through the training that follows."""

    def __init__(self, weight: torch.Tensor, sparsity: float) -> None:
        super().__init__()
        threshold = weight.abs().flatten().kthvalue(int(weight.numel() * sparsity)).values
        self.register_buffer("mask", (weight.abs() > threshold).float())

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight * self.mask


class Shared(nn.Module):
    """One value for all weights of a cluster; training moves the values, never the membership."""

    def __init__(self, weight: torch.Tensor, values: int) -> None:
        super().__init__()
        self.index = cluster(weight, values)[1]

    def right_inverse(self, weight: torch.Tensor) -> torch.Tensor:
        sums = torch.zeros(int(self.index.max()) + 1).index_add(0, self.index.flatten(), weight.flatten())
        return sums / torch.bincount(self.index.flatten())

    def forward(self, codebook: torch.Tensor) -> torch.Tensor:
        return codebook[self.index]


def cluster(weight: torch.Tensor, values: int, rounds: int = 50) -> tuple[torch.Tensor, torch.Tensor]:
    """Group by k-means from evenly spread centres; return the centres in use and each weight's number."""
    flat = weight.detach().flatten()
    centres = torch.linspace(float(flat.min()), float(flat.max()), values)
    for _ in range(rounds):
        nearest = (flat[:, None] - centres[None]).abs().argmin(1)
        counts = torch.bincount(nearest, minlength=values)
        sums = torch.zeros(values).index_add(0, nearest, flat)
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), centres)
    used, index = nearest.unique(return_inverse=True)
    return centres[used], index.reshape(weight.shape)


def prune(net: nn.Sequential, task: Task, *, sparsity: float, epochs: int, seed: int) -> None:
    """Set the smallest weights of each layer but the last to 0 and retrain the others."""
    chosen = _weighty(net)[:-1]
    for module in chosen:
        parametrize.register_parametrization(module, "weight", Masked(module.weight.detach(), sparsity))
    train(net, task, epochs=epochs, seed=seed)
    _settle(chosen)


def share(net: nn.Sequential, task: Task, *, values: int, epochs: int, seed: int) -> None:
    """Let the weights of each layer take few values and retrain those."""
    chosen = _weighty(net)
    for module in chosen:
        parametrize.register_parametrization(module, "weight", Shared(module.weight.detach(), values))
    train(net, task, epochs=epochs, seed=seed)
    _settle(chosen)


def _weighty(net: nn.Sequential) -> list[nn.Module]:
    return [module for module in net if isinstance(module, nn.Conv2d | nn.Linear)]


def _settle(modules: list[nn.Module]) -> None:
    for module in modules:
        parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)


@dataclass(frozen=True)
class Quantised:
    """A layer in integers. Real weight = ``scale * weight``; the bias counts ``input_scale * scale``."""

    weight: np.ndarray
    """int8, within ± WEIGHT_MAX; shaped as the float layer's."""
    bias: np.ndarray
    """int32."""
    scale: float
    input_scale: float
    output_scale: float
    """One step of the layer's output: 255 steps after a ReLU, 127 either way without."""
    relu: bool


def quantise(layers: list[Layer], images: np.ndarray) -> list[Quantised | Pool]:
    """Quantise after training, activation ranges taken from ``images`` (n, 1, h, w)."""
    done: list[Quantised | Pool] = []
    values, scale = torch.from_numpy(images), np.float32(INPUT_SCALE)
    for layer in layers:
        if isinstance(layer, Pool):
            values = nn.functional.max_pool2d(values, layer.size)
            done.append(layer)
            continue
        relu = isinstance(layer, Conv) or layer.relu
        values = _forward(layer, values)
        step = np.float32(np.abs(layer.weight).max() / WEIGHT_MAX)
        reach = float(values.max()) / ACTIVATION_MAX if relu else float(values.abs().max()) / 127
        weight = np.rint(layer.weight / step).astype(np.int8)
        bias = np.rint(layer.bias / (scale * step)).astype(np.int32)
        done.append(Quantised(weight, bias, float(step), float(scale), float(np.float32(reach)), relu))
        scale = np.float32(reach)
    return done


def exact_predictions(layers: list[Quantised | Pool], images: np.ndarray, *, scores_rounded: bool) -> list[int]:
    """Predict from grey images ``(n, 1, h, w)`` in exact integers, rounded where the formats say so.

    A runtime that agrees has neither saturated nor rounded otherwise; another processor's kernels must agree too.
    ``scores_rounded``: the scores are 8-bit integers, not the sums themselves.
    """
    values = torch.from_numpy(images.astype(np.float64))  # holds integers to 2^53, sums stay below 2^31
    for layer in layers:
        if isinstance(layer, Pool):
            values = nn.functional.max_pool2d(values, layer.size)
            continue
        weight, bias = (torch.from_numpy(part.astype(np.float64)) for part in (layer.weight, layer.bias))
        dense = layer.weight.ndim == 2
        sums = (
            nn.functional.linear(values.flatten(1), weight, bias)
            if dense
            else nn.functional.conv2d(values, weight, bias)
        )
        if not (layer.relu or scores_rounded):
            return sums.argmax(1).tolist()
        factor = np.float32(layer.input_scale) * np.float32(layer.scale) / np.float32(layer.output_scale)
        rounded = np.rint(sums.numpy().astype(np.float32) * factor)
        low, high = (0, ACTIVATION_MAX) if layer.relu else (-128, 127)
        values = torch.from_numpy(rounded.clip(low, high).astype(np.float64))
    return values.argmax(1).tolist()


def _forward(layer: Conv | Dense, values: torch.Tensor) -> torch.Tensor:
    weight, bias = torch.from_numpy(layer.weight), torch.from_numpy(layer.bias)
    if isinstance(layer, Conv):
        return nn.functional.conv2d(values, weight, bias).relu()
    out = nn.functional.linear(values.flatten(1), weight, bias)
    return out.relu() if layer.relu else out
