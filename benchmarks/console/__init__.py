"""The console beside labgrid's, on the same line and shell in one run."""
