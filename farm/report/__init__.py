"""Records as tables and JUnit properties."""
