"""Commands over OpenSSH, beside labgrid in one run."""
