"""Say which boards' releases were refused since a moment; exit 1 when none was.

Reads ``farm results list --json`` on standard input; the moment is the only argument, ISO 8601 in UTC.
"""

import json
import sys
from datetime import datetime


def main(since: str) -> int:
    """Return 0 when at least one record since then was judged a regression."""
    began = datetime.fromisoformat(since)
    refused = [
        stored["record"]["board"]["name"]
        for stored in json.loads(sys.stdin.read() or "[]")  # nothing where the records could not be listed
        if datetime.fromisoformat(stored["record"]["started_utc"]) >= began
        and stored.get("verdict", {}).get("outcome") == "regression"
    ]
    if not refused:
        print("demo-fail: the session ended with 1, but no record of it is a regression", file=sys.stderr)
        return 1
    print(f"demo-fail: the bad release was refused, as it should be, on {', '.join(sorted(refused))}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
