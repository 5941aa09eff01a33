"""What a trial says that a host under load held up; it fails no test: one measures again."""

import re

HELD_UP = re.compile(r"\b(starved|host|clock|bursts|readings lost): ")
"""How such a reason for no verdict begins. Two of them a wrong meter has as well, and has them again."""
TRIES = 6
"""Where one trial in five is held up, one test in fifteen thousand then fails for it."""
