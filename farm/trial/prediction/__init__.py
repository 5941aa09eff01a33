"""The device-accurate twin: the same trial on this machine, under the limits of a board's processor."""
