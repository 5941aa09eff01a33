"""What the parts of records, runs and traces are made of."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Made = Literal["board", "process twin", "qemu twin", "recording", "prediction"]
"""What stood at the other end. Anything but ``board`` is labelled in every output. Behind a prediction there was no
board at all: it is evidence of nothing, and no gate takes it under any policy."""


class Part(BaseModel):
    """Frozen, closed to unknown keys, and to what JSON has no number for."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
