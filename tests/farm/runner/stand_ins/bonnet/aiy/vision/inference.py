"""The bonnet's Python side, as the AIY image of 2018 has it: what it checks, how it packs, what it swallows."""

import logging
from types import SimpleNamespace

import numpy as np
from net import says, scores

there = True
"""Whether a bonnet is plugged on."""
opened = []
loaded = {}
"""What the bonnet has, by name, whoever put it there and when."""


class InferenceException(Exception):
    pass


class ModelDescriptor:
    def __init__(self, name, input_shape, input_normalizer, compute_graph):
        self.name, self.input_shape = name, input_shape
        self.input_normalizer, self.compute_graph = input_normalizer, compute_graph


class InferenceEngine:
    def __init__(self):
        if not there:
            raise FileNotFoundError(2, "No such file or directory", "/dev/vision_spicomm")
        assert not opened, "the transport is open already"
        opened.append(self)

    def close(self):
        opened.remove(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def get_firmware_info(self):
        return (1, 2)

    def load_model(self, descriptor):
        mean, stddev = descriptor.input_normalizer
        batch, _height, _width, depth = descriptor.input_shape
        if batch != 1:
            raise ValueError("Unsupported batch value: %d. Must be 1.")
        if depth != 3:
            raise ValueError("Unsupported depth value: %d. Must be 3.")
        try:
            loaded[descriptor.name] = says(descriptor.compute_graph), mean, stddev
        except ValueError as error:  # it is a warning there, too, and the next request fails
            logging.getLogger(__name__).debug(str(error))
        return descriptor.name

    def image_inference(self, model_name, image, params=None):
        assert params is None
        if image.mode not in ("RGB", "L"):
            raise InferenceException(f"Unsupported image format: {image.mode}. Must be L or RGB.")
        if model_name not in loaded:
            raise InferenceException("No model with such name")
        net, mean, stddev = loaded[model_name]
        planes = np.stack([np.frombuffer(plane.tobytes(), np.uint8) for plane in image.split()])
        real = (planes.reshape(-1, image.size[1], image.size[0]).transpose(1, 2, 0) - mean) / stddev
        given = SimpleNamespace(data=(net.get("times", 1) * scores(real)).reshape(-1).tolist())
        return SimpleNamespace(tensors={net.get("output", "scores"): given}, duration_ms=12)


class ImageInference:
    def __init__(self, descriptor):
        self._engine = InferenceEngine()
        self._key = descriptor.name
        if descriptor.name not in loaded:
            self._engine.load_model(descriptor)

    def run(self, image, params=None):
        return self._engine.image_inference(self._key, image, params)

    def close(self):
        loaded.pop(self._key, None)
        self._engine.close()
