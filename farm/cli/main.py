"""Entry point of the ``farm`` command."""


def main() -> int:
    """Run one subcommand and return its exit code."""
    raise SystemExit("not yet")
