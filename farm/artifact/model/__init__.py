"""What stands in model files, read by a few lines each: no runtime, no framework, and no trust in the file."""
