"""Turns an ONNX model into the reference's own format, which the NumPy backend and the C runner read."""

from .convert import reference_of

__all__ = ["reference_of"]
