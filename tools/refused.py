"""Say on which boards a gate refused a release, from its JSON; exit 1 when it did not."""

import json
import sys
from pathlib import Path


def main(path: str) -> int:
    """Return 0 when the gate's verdict is a regression."""
    file = Path(path)
    gate = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"outcome": "nothing"}
    if gate["outcome"] != "regression":
        print(f"demo-fail: the gate's verdict is {gate['outcome']}, not regression", file=sys.stderr)
        return 1
    missed = sorted({c["board"] for c in gate["verdict"]["criteria"] if c["outcome"] == "regression"})
    print(f"demo-fail: the bad release was refused, as it should be, on {', '.join(missed)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
