"""What a prediction is made of."""

from dataclasses import dataclass

from ...artifact.dataset import Dataset
from ...artifact.unpack import Artifact
from ...errors import UsageFault
from ..scenario import Scenario
from .host import Host
from .limits import Limits
from .mechanism import Mechanism

RUNTIMES = ("command", "numpy", "onnx", "openvino", "tflite")
"""Of manifests: those that run on a processor alone."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which model, how frames are offered, which limits, and what holds them on which machine."""

    artifact: Artifact
    dataset: Dataset
    scenario: Scenario
    limits: Limits
    host: Host
    mechanism: Mechanism

    @property
    def name(self) -> str:
        """What stands in the place of the board's name: one of a board's cannot hold a space."""
        return f"{self.limits.model} on this controller"

    @property
    def more_than_board(self) -> list[str]:
        """Vector instructions of this machine that the board has not."""
        return self.host.more_than(self.limits.processor.flags)

    def require_predictable(self) -> None:
        """Raise UsageFault for an artifact whose speed is not that of a processor, or of another one's.

        Likewise for what only a board has: temperatures, and devices beside its processor.
        """
        manifest, model = self.artifact.manifest, self.limits.model
        if self.scenario.start_celsius is not None or self.scenario.soak_s:
            raise UsageFault("start_celsius, soak_s: a prediction knows no temperature; leave them out")
        if (device := self.scenario.device or manifest.device) not in (None, "CPU"):
            raise UsageFault(f"{manifest.name}: is to run on {device}: only a processor can be predicted")
        if manifest.runtime not in RUNTIMES:
            raise UsageFault(f"{manifest.name}: {manifest.runtime} runs on an accelerator: no processor predicts it")
        if manifest.architecture not in (None, "x86_64"):
            raise UsageFault(f"{manifest.name}: is for {manifest.architecture}, {model} is x86_64")
        bound = manifest.bound_to.model_dump(exclude_none=True) if manifest.bound_to else {}
        if bound.keys() & {"gpu", "compute_capability", "tensorrt", "edgetpu_runtime"}:
            raise UsageFault(f"{manifest.name}: is bound to {', '.join(bound)}, which {model} has not")
