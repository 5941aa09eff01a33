"""What runs on the board: the standard library of Python 3.5, and the inference runtime with its numpy.

Nobody imports this. The files are copied to the board and started as a folder, hence the absolute imports.
"""
