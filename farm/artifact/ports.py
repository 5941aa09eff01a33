"""Whether the tensors that a model is said to take and to give are those of its file."""

from collections.abc import Iterator, Sequence

from .document import shown
from .manifest import Input, Output
from .model.net import Net, Port


def otherwise(net: Net | None, said: Sequence[tuple[str, Input | Output | None]]) -> Iterator[str]:
    """Say where the file tells something else; what it leaves open, and the layout, are the maker's.

    Args:
        net: What was read; None: the file tells nothing.
        said: What the input is called in a fault, and the input; then the output likewise. None: nobody said.
    """
    if net is None:
        return
    for (what, tensor), ports in zip(said, (net.inputs, net.outputs), strict=True):
        if tensor is None or not ports:
            continue
        named = [port for port in ports if port.name == tensor.name]
        if net.format == "OpenVINO" and len(ports) == 1:  # each of its interfaces has names of its own
            named = list(ports)
        port = named[0] if named else None
        if port is None:
            yield f"{what} {tensor.name}: the file has {in_words(ports)}"
        elif port.dtype != tensor.dtype or not _fits(tensor.shape, port.shape):
            yield f"{what} {tensor.name}: in the file it is {in_words([port])}"
        elif ports is net.inputs and len(ports) > 1:
            yield f"the file has {len(ports)} inputs, and is fed one: {in_words(ports)}"


def in_words(ports: Sequence[Port]) -> str:
    """Return tensors with their names, shapes and types."""
    return ", ".join(map(_in_words, ports))


def _in_words(port: Port) -> str:
    shape = "x".join("?" if side is None else str(side) for side in port.shape)
    return f"{shown(port.name)} {shape} {port.dtype}"


def _fits(said: tuple[int, ...], told: tuple[int | None, ...]) -> bool:
    if not told:  # of no shape, which is no scalar here: the file leaves all of it open
        return True
    return len(said) == len(told) and all(side in (None, mine) for mine, side in zip(said, told, strict=True))
