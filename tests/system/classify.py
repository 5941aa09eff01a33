"""Run on a board and on the controller: predict every image with every model of a folder, by the runner's own pipeline.

    python3 classify.py FOLDER NAME…

``FOLDER`` holds ``runner/``, ``images.idx`` and for each name a folder with ``manifest.json`` and the model. Prints one
JSON object: name → classes.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace


def main(folder, *names):
    """Predict and print."""
    sys.path.insert(0, f"{folder}/runner")
    from pipeline import Pipeline

    found = {}
    for name in names:
        listed = f"{folder}/{name}/manifest.json"
        entry = json.loads(Path(listed).read_text())["entry"]
        model = f"{folder}/{name}/{entry}"
        pipeline = Pipeline(SimpleNamespace(model=model, manifest=listed, images=f"{folder}/images.idx"))
        found[name] = [pipeline.predict(image)[0] for image in pipeline.shown]
    print(json.dumps(found))  # noqa: T201 -- it is the answer


if __name__ == "__main__":
    main(*sys.argv[1:])
