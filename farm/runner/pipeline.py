"""From an image of the data set to a predicted class, stage by stage."""

import json
from math import isfinite

import backends
import draw
import images
import numpy as np
from boardclock import now_ns
from faults import Fault
from plan import Plan
from prepare import Preprocess

STAGES = ("acquire", "convert", "marshal", "infer", "decode")
"""The image as a camera's driver would give it; its values to floats, enlarged and scaled; their layout, channel order
and type, up to the backend's own tensor; the net; the class. One more where it is asked for: ``draw``."""


NO_CLASS = -1
"""Of scores that hold no number: never right, by whatever runtime."""


def class_of(scores):
    """Return the class of the highest score; :data:`NO_CLASS` where one is NaN."""
    highest = int(scores.argmax())  # a NaN is the highest to it
    score = scores.item(highest)
    return highest if score == score else NO_CLASS


class Pipeline:
    """A model that is loaded, and the images that it is fed."""

    def __init__(self, options):
        """Load images and model; Fault when either is not what the manifest says. Without a plan: all images."""
        with open(options.manifest, "rb") as file:
            manifest = json.loads(file.read().decode("utf-8"))
        self.images = images.load(options.images)
        plan = getattr(options, "plan", None) or Plan("{}")
        try:
            self.shown = plan.shown(len(self.images))
        except ValueError as error:
            raise Fault("dataset", str(error)) from error
        self._prepare = Preprocess(manifest, self.images.shape[1:])
        self._prepare.check(self.images)
        self._first = self._prepare(self.images[0])
        self.backend = backends.load(options.model, manifest, self._first, plan.device)
        self._draw = draw.Pen(self.images.shape[1]).draw if plan.draw else None
        self.stages = STAGES + (("draw",) if plan.draw else ())

    def scores(self):
        """Return the scores of the first image."""
        return self.backend.infer(self.backend.feed(self._first))

    def predict(self, image):
        """Return the predicted class of an image, and the scores it follows from."""
        scores = self.backend.infer(self.backend.feed(self._prepare(self.images[image])))
        return class_of(scores), scores

    def timed(self, image):
        """Return the end of each stage, the predicted class, and the scores."""
        pixels = self.images[image].copy()
        acquired_ns = now_ns()
        values = self._prepare.convert(pixels)
        converted_ns = now_ns()
        fed = self.backend.feed(self._prepare.marshal(values))
        marshalled_ns = now_ns()
        scores = self.backend.infer(fed)
        inferred_ns = now_ns()
        prediction = class_of(scores)
        stamps = [acquired_ns, converted_ns, marshalled_ns, inferred_ns, now_ns()]
        if self._draw is not None:
            self._draw(pixels, prediction)
            stamps.append(now_ns())
        return stamps, prediction, scores

    @staticmethod
    def margin(scores):
        """Return how far the highest score is above the next one; None with one class, or where it is no number."""
        if scores.size < 2:
            return None
        second, first = np.partition(scores.reshape(-1), scores.size - 2)[-2:]
        margin = float(first) - float(second)
        return margin if isfinite(margin) else None
