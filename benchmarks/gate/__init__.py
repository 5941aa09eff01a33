"""How often a gate is wrong, by simulation through the very code that judges."""
