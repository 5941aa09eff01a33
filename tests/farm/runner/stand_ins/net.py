"""The net that every stand-in computes: the first ten numbers that it is fed are its scores."""

import json

import numpy as np

CLASSES = 10


def scores(tensor):
    return np.asarray(tensor, np.float32).reshape(-1)[:CLASSES].reshape(1, CLASSES)


def file_of(**says):
    """Return the bytes of a model file."""
    return b"net\n" + json.dumps(says).encode()


def says(data):
    """Return what a model file says; ValueError where it is none."""
    head, _, text = bytes(data).partition(b"\n")
    if head != b"net":
        raise ValueError("no net")
    return json.loads(text)
