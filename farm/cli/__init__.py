"""The farm command: one module a subcommand."""
