"""How often a comparison of variants is wrong, and how long it takes, by simulation through the code that compares."""
