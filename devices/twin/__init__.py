"""Process twins of boards: a real SSH server, a real pty console, real processes."""
