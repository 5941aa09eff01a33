"""SPEC PTDaemon: the program behind MLPerf's power measurements."""
