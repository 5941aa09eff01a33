"""What ``ansible-playbook`` prints with its default callback, read back."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

_TASK = re.compile(r"^(?:TASK|RUNNING HANDLER) \[(.*?)\] ?\**$")
_RESULT = re.compile(r"^(changed|fatal|failed): \[([^\]]+)\](?: => )?(?:\(item=.*?\) => )?(.*)$")
_SKIPPED = re.compile(r"^skipping: \[([^\]]+)\](.*)$")
_NOT_CHECKED = "check mode"
"""Of the words of a task that check mode skips: "Command would have run if not in check mode" (ansible-core,
modules/command.py), "remote module (x) does not support check mode" (module_utils/basic.py); printed with -v."""
_RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)(?:\s+skipped=(\d+))?")
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one host."""

    met: bool = False
    """Whether a play was for it."""
    count: int = 0
    """Tasks that changed something, by the recap."""
    changed: tuple[str, ...] = ()
    """Their names, each once."""
    skipped: int = 0
    """Tasks that it did not take, by the recap."""
    unchecked: tuple[str, ...] = ()
    """Names of those that it did not take because of check mode, as far as they say so."""
    failed: str = ""
    """The task that failed, and what it said."""
    unreachable: str = ""
    """Why it was not reached."""

    @classmethod
    def of(cls, lines: Iterable[str], name: str) -> "Outcome":
        """Read the lines of one run for one host; a failure that the playbook ignores or rescues is none."""
        task, changed, unchecked, last = "", dict[str, None](), dict[str, None](), ""
        met, count, unreachable, failed, skipped = False, 0, 0, 0, 0
        for line in lines:
            if match := _TASK.match(line):
                task = match[1]
            elif (match := _RESULT.match(line)) and match[2].partition(" ")[0] == name:
                if match[1] == "changed":
                    changed[task] = None
                else:
                    last = f"task {task!r}: {_message(match[3])}"
            elif (match := _SKIPPED.match(line)) and match[1] == name:
                if _NOT_CHECKED in match[2]:
                    unchecked[task] = None
            elif (match := _RECAP.match(line)) and match[1] == name:
                met = True
                count, unreachable, failed = int(match[3]), int(match[4]), int(match[5])
                skipped = int(match[6] or 0)
        return cls(
            met=met,
            count=count,
            changed=tuple(changed) if count else (),
            skipped=skipped,
            unchecked=tuple(unchecked),
            failed=last if failed else "",
            unreachable=last if unreachable else "",
        )


def _message(text: str) -> str:
    """Return what a failed task says, in one line; ``FAILED! => {…}`` holds it as JSON."""
    body = text.partition("=> ")[2] or text
    try:
        value = json.loads(body)
    except ValueError:
        return text[:_LONGEST]
    said = [str(value[key]).strip() for key in ("msg", "stderr", "stdout") if value.get(key)]
    return " ".join(" | ".join(said).split())[:_LONGEST] or body[:_LONGEST]
