"""Random weights that neither let a signal die nor let it grow: He et al. 2015, arXiv 1502.01852."""

from math import prod

import numpy as np

from .graph import Node

_BIAS_DEVIATION = 0.01
"""Small, and not 0: no runtime may leave the bias out."""


def weights_of(node: Node, number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weight and bias of an operator, float32: the same for the same seed, whatever else the net holds."""
    random = np.random.default_rng([seed, number])
    gain = 1.0 if node.activation == "none" else 2.0  # ReLU lets half of the power through
    weight = random.standard_normal(node.weight, np.float32)
    weight *= np.float32((gain / prod(node.weight[1:])) ** 0.5)
    return weight, random.standard_normal(node.weight[0], np.float32) * np.float32(_BIAS_DEVIATION)
