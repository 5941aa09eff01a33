"""The large nets that papers speak of, never trained: built, given random weights, written. Needs numpy alone."""
