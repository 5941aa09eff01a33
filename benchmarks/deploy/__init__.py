"""Deployment over OpenSSH, beside ssh, scp, rsync and labgrid in one run."""
