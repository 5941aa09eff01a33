"""What is kept: records, traces, console logs."""
