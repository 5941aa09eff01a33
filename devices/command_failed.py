"""A command that ended with another status than 0, told in one way by every shell."""

from .errors import CommandFailed
from .shell import Result

_COMMAND = 200
_SAID = 400


def failed(name: str, result: Result) -> CommandFailed:
    """Return the fault: the command's first line, its status and the end of what it said."""
    said = (result.stderr or result.stdout)[-_SAID:].decode("utf-8", "replace").strip() or "nothing"
    first = result.command.strip().partition("\n")[0]
    hint = "let the user run sudo without a password on the board" if "sudo: " in said and "password" in said else ""
    what = f"`{first[:_COMMAND]}` ended with status {result.exit_status}: {said}"
    return CommandFailed(name, what, hint=hint, exit_status=result.exit_status, stderr=said)
