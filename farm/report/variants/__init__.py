"""A comparison of variants as lines for a terminal, as Markdown, as JSON and as a plot."""
