"""Puts a system on a board: fastboot, SD-card multiplexer, Tegra USB recovery, U-Boot over the network."""
