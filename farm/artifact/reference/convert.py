"""An ONNX net as a reference, operator by operator."""

from collections.abc import Callable, Mapping

from ...errors import UsageFault
from ..model.net import Net, Node
from . import floats, integers
from .expand import expanded
from .view import View
from .writer import Writer

_RULES: Mapping[str, Callable[[View, Node, Writer], None]] = {
    "Conv": floats.conv,
    **dict.fromkeys(["Gemm", "MatMul"], floats.gemm),
    **dict.fromkeys(["MaxPool", "AveragePool"], floats.pool),
    **dict.fromkeys(["GlobalAveragePool", "ReduceMean"], floats.global_average),
    **dict.fromkeys(["Reshape", "Flatten", "Squeeze", "Unsqueeze"], floats.reshape),
    **dict.fromkeys(["Add", "Mul"], floats.broadcast),
    **dict.fromkeys(["Identity", "Dropout"], floats.same),
    "Relu": floats.unary,
    "Clip": floats.clip,
    "Concat": floats.concat,
    "Softmax": floats.softmax,
    "BatchNormalization": floats.batch_norm,
    "Resize": floats.resize,
    "QuantizeLinear": floats.quantise,
    "DequantizeLinear": floats.dequantise,
    "QLinearConv": integers.qlinear_conv,
    "QLinearMatMul": integers.qlinear_matmul,
    "com.microsoft.QGemm": integers.qgemm,
}

OPERATORS = frozenset(_RULES)
"""That are known; Cast and Gather too, of what stands in the file."""

_BROKEN = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What comes of inputs or attributes that an operator must have and has not, or of thousands of casts in a row."""


def reference_of(net: Net, where: str) -> bytes:
    """Return an ONNX net as the bytes of a ``.npz``.

    Args:
        net: As :func:`farm.artifact.model.onnx.read_onnx` gives it.
        where: What faults begin with.

    Raises:
        UsageFault: it has an operator that is not known here, a line for each; or an odd form of one.
    """
    if len(net.inputs) != 1 or len(net.outputs) != 1:
        raise UsageFault(f"{where}: {len(net.inputs)} inputs and {len(net.outputs)} outputs; a reference has one each")
    view = View(expanded(net), where)
    nodes = [node for node in view.net.nodes if node.outputs and not view.fixed(node.outputs[0])]
    if unknown := sorted({node.operator for node in nodes} - OPERATORS):
        raise UsageFault([f"{where}: operator {one}: the reference does not know it" for one in unknown])
    out = Writer()
    _head(view, out)
    done: set[str] = set()
    for node in nodes:
        if node.outputs[0] in done:
            continue
        try:
            done |= _integer(view, node, out) or _real(view, node, out)
        except _BROKEN as error:
            raise view.fault(node, f"is not as ONNX has it: {error!r}") from error
    output = view.net.outputs[0].name
    if output not in view.made:
        raise UsageFault(f"{where}: nothing gives its output {output}")
    out.line("output", out.name(output))
    return out.file()


def _head(view: View, out: Writer) -> None:
    port = view.net.inputs[0]
    facts = {} if port.scale is None else {"scale": port.scale, "zero": port.zero_point or 0}
    out.line(
        "input",
        out.name(port.name),
        shape=[1 if side is None else side for side in port.shape],
        dtype=port.dtype,
        **facts,
    )


def _integer(view: View, node: Node, out: Writer) -> set[str]:
    """Write a real product that stands for one of integers; return what it gives, and what was behind it."""
    if node.operator not in ("Conv", "Gemm", "MatMul") or (one := integers.product(view, node)) is None:
        return set()
    tail = view.tail(node.outputs[0])
    integers.write(view, node, one, tail, out, node.outputs[0] if tail is None else tail.output)
    return {node.outputs[0], *([] if tail is None else [name for one in tail.nodes for name in one.outputs])}


def _real(view: View, node: Node, out: Writer) -> set[str]:
    _RULES[node.operator](view, node, out)
    return set(node.outputs)
