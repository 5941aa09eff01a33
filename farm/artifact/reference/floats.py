"""Operators on real numbers, as lines of a reference."""

import numpy as np

from ..model.net import Node, Values
from .view import View, clip_bounds, quantised_type
from .writer import Writer


def conv(view: View, node: Node, out: Writer) -> None:
    """A convolution in two dimensions, grouped or not."""
    data, weight, *bias = node.inputs
    kernel = view.shape(weight, node)[2:]
    out.line(
        "Conv",
        out.name(node.outputs[0]),
        out.name(data),
        weights(view, node, weight, out),
        bias_of(view, node, bias[0] if bias else "", out),
        **window(view, node, data, kernel),
        group=int(node.attributes.get("group", 1)),
    )


def gemm(view: View, node: Node, out: Writer) -> None:
    """A full connection: Gemm, or a product with a matrix that stands in the file."""
    data, weight, *bias = node.inputs
    plain = node.attributes.get("alpha", 1.0), node.attributes.get("beta", 1.0), node.attributes.get("transA", 0)
    if plain != (1.0, 1.0, 0):
        raise view.fault(node, "alpha, beta or transA; want a plain product")
    if len(view.shape(data, node)) != 2:
        raise view.fault(node, f"multiplies a tensor of shape {view.shape(data, node)}; want rows")
    out.line(
        "Gemm",
        out.name(node.outputs[0]),
        out.name(data),
        weights(view, node, weight, out, turned=not node.attributes.get("transB", 0)),
        bias_of(view, node, bias[0] if bias else "", out),
        transB=1,
    )


def weights(view: View, node: Node, name: str, out: Writer, *, turned: bool = False) -> str:
    """Write weights, as a table and numbers into it where the model has them so; return their name.

    Args:
        view: The model.
        node: What takes them.
        name: The tensor.
        out: Where to.
        turned: The model has (in, out); a reference has (out, in).
    """
    own = out.name(f"{name}.turned" if turned else name)
    if view.fixed(name) and out.gives(own):
        return own
    shared = view.made.get(name)
    if shared is not None and shared.operator == "Gather" and not shared.attributes.get("axis", 0):
        table, numbers = (view.constant(one) for one in shared.inputs[:2])
        if table is not None and numbers is not None and table.ndim == 1 and numbers.min(initial=0) >= 0:
            kept = narrow(numbers.T if turned else numbers)
            names = out.array(out.new(name, "table"), table), out.array(out.new(name, "numbers"), kept)
            return out.line("Gather", own, *names)
    values = constant(view, node, name)
    return out.array(own, values.T if turned else values)


def constant(view: View, node: Node, name: str) -> Values:
    """Return a tensor that must stand in the file; half precision and double as float32."""
    values = view.constant(name)
    if values is None:
        raise view.fault(node, f"its input {name} does not stand in the file")
    return values.astype(np.float32) if values.dtype.kind == "f" else values


def narrow(values: Values) -> Values:
    """Return integers in the narrowest type that a reference may hold and they fit in."""
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    for kind in (np.int8, np.uint8, np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return values.astype(kind)
    raise ValueError(f"{low} … {high}: no 32 bits")


def bias_of(view: View, node: Node, name: str, out: Writer) -> str:
    """Write a bias of one number an output; ``-`` where there is none."""
    return out.array(out.name(name), constant(view, node, name).reshape(-1)) if name else "-"


def window(view: View, node: Node, data: str, kernel: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Return how a window goes over its input, with every pad written out."""
    size = view.shape(data, node)[2:]
    if len(size) != 2 or len(kernel) != 2:
        raise view.fault(node, f"works in {len(size)} dimensions; want two")
    strides = tuple(node.attributes.get("strides") or (1, 1))
    dilations = tuple(node.attributes.get("dilations") or (1, 1))
    pads: list[int] = list(node.attributes.get("pads") or (0, 0, 0, 0))
    auto = node.attributes.get("auto_pad", "NOTSET")
    for i in range(2):
        reach = dilations[i] * (kernel[i] - 1) + 1
        if auto.startswith("SAME"):
            lacking = max(0, (-(-size[i] // strides[i]) - 1) * strides[i] + reach - size[i])
            small, large = lacking // 2, lacking - lacking // 2
            pads[i], pads[2 + i] = (small, large) if auto == "SAME_UPPER" else (large, small)
        elif node.attributes.get("ceil_mode", 0):
            pads[2 + i] += -(size[i] + pads[i] + pads[2 + i] - reach) % strides[i]
    return {"strides": strides, "pads": tuple(pads), "dilations": dilations}


def pool(view: View, node: Node, out: Writer) -> None:
    """The largest or the mean of each window; the mean is of what lies inside, unless the model says otherwise."""
    data, kernel = node.inputs[0], tuple(node.attributes["kernel_shape"])
    own = {} if node.operator == "MaxPool" else {"count_include_pad": int(node.attributes.get("count_include_pad", 0))}
    if own.get("count_include_pad") and node.attributes.get("ceil_mode", 0):
        raise view.fault(node, "counts pads and rounds up; want one of them")
    facts = window(view, node, data, kernel)
    out.line(node.operator, out.name(node.outputs[0]), out.name(data), kernel_shape=kernel, **facts, **own)


def global_average(view: View, node: Node, out: Writer) -> None:
    """The mean of each channel: GlobalAveragePool, or ReduceMean over both sides."""
    data, result = node.inputs[0], node.outputs[0]
    if node.operator == "ReduceMean":
        given = view.constant(node.inputs[1]) if len(node.inputs) > 1 else None
        axes = node.attributes.get("axes") or (() if given is None else [int(axis) for axis in given.reshape(-1)])
        if sorted(axis % 4 for axis in axes) != [2, 3] or len(view.shape(data, node)) != 4:
            raise view.fault(node, f"over axes {tuple(axes)}; want height and width")
        pooled = out.line("GlobalAveragePool", out.new(result, "mean"), out.name(data))
        out.line("Reshape", out.name(result), pooled, shape=view.shape(result, node))
        return
    out.line("GlobalAveragePool", out.name(result), out.name(data))


def clip(view: View, node: Node, out: Writer) -> None:
    """Numbers kept between two."""
    low, high = clip_bounds(view, node)
    out.line("Clip", out.name(node.outputs[0]), out.name(node.inputs[0]), low=float(low), high=float(high))


def reshape(view: View, node: Node, out: Writer) -> None:
    """The same numbers in another shape."""
    result = node.outputs[0]
    out.line("Reshape", out.name(result), out.name(node.inputs[0]), shape=view.shape(result, node))


def broadcast(view: View, node: Node, out: Writer) -> None:
    """Sum or product, number by number; one of the two may stand in the file."""
    out.line(node.operator, out.name(node.outputs[0]), *(_operand(view, node, name, out) for name in node.inputs))


def _operand(view: View, node: Node, name: str, out: Writer) -> str:
    return out.array(out.name(name), constant(view, node, name)) if view.fixed(name) else out.name(name)


def concat(view: View, node: Node, out: Writer) -> None:
    """Tensors one after the other along an axis."""
    axis = int(node.attributes["axis"]) % len(view.shape(node.outputs[0], node))
    out.line("Concat", out.name(node.outputs[0]), *(_operand(view, node, name, out) for name in node.inputs), axis=axis)


def softmax(view: View, node: Node, out: Writer) -> None:
    """Shares of one, along the last axis."""
    rank = len(view.shape(node.inputs[0], node))
    if int(node.attributes.get("axis", rank - 1)) % rank != rank - 1:
        raise view.fault(node, f"along axis {node.attributes['axis']}; want the last one")
    out.line("Softmax", out.name(node.outputs[0]), out.name(node.inputs[0]))


def batch_norm(view: View, node: Node, out: Writer) -> None:
    """A batch normalisation that was not folded into the weights: a product and a sum, one number a channel."""
    scale, offset, mean, variance = (constant(view, node, name).astype(np.float64) for name in node.inputs[1:5])
    factor = scale / np.sqrt(variance + float(node.attributes.get("epsilon", 1e-5)))
    column = (-1, *[1] * (len(view.shape(node.inputs[0], node)) - 2))
    result = node.outputs[0]
    parts = {"factor": factor, "offset": offset - mean * factor}
    names = {k: out.array(out.new(result, k), v.astype(np.float32).reshape(column)) for k, v in parts.items()}
    product = out.line("Mul", out.new(result, "product"), out.name(node.inputs[0]), names["factor"])
    out.line("Add", out.name(result), product, names["offset"])


def resize(view: View, node: Node, out: Writer) -> None:
    """Every pixel so many times, by whole factors; no other enlarging is exact."""
    before, after = view.shape(node.inputs[0], node), view.shape(node.outputs[0], node)
    how = tuple(node.attributes.get(k, v) for k, v in (("mode", "nearest"), ("nearest_mode", "round_prefer_floor")))
    places = node.attributes.get("coordinate_transformation_mode", "half_pixel")
    whole = len(before) == 4 and before[:2] == after[:2] and not any(a % b for a, b in zip(after, before, strict=True))
    if how[0] != "nearest" or not whole or (how[1], places) != ("floor", "asymmetric"):
        raise view.fault(node, "want nearest, asymmetric, floor, by whole factors")
    by = (after[2] // before[2], after[3] // before[3])
    out.line("Enlarge", out.name(node.outputs[0]), out.name(node.inputs[0]), by=by)


def same(view: View, node: Node, out: Writer) -> None:
    """What changes nothing once a net is trained."""
    del view
    out.call(node.outputs[0], out.name(node.inputs[0]))


def unary(view: View, node: Node, out: Writer) -> None:
    """Operators without anything to say."""
    del view
    out.line(node.operator, out.name(node.outputs[0]), out.name(node.inputs[0]))


def quantise(view: View, node: Node, out: Writer) -> None:
    """Real numbers to integers."""
    steps = view.steps(node, 1)
    if steps is None or not steps.one:
        raise view.fault(node, "has a scale for each channel of what is computed; want one")
    facts = {"scale": float(steps.scale[0]), "zero": int(steps.zero[0])}
    out.line(
        "QuantizeLinear",
        out.name(node.outputs[0]),
        out.name(node.inputs[0]),
        **facts,
        to=quantised_type(view, node),
    )


def dequantise(view: View, node: Node, out: Writer) -> None:
    """Integers to real numbers."""
    steps = view.steps(node, 1)
    if steps is None or not steps.one:
        raise view.fault(node, "has a scale for each channel of what is computed; want one")
    facts = {"scale": float(steps.scale[0]), "zero": int(steps.zero[0])}
    out.line("DequantizeLinear", out.name(node.outputs[0]), out.name(node.inputs[0]), **facts)
