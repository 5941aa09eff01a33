"""Images that a model found hard, or that a board acquired, as a new data set for retraining.

:mod:`.policy` says which and what is hidden, :mod:`.choose` picks them by their predictions, :mod:`.images` brings them
from a board or a folder, :mod:`.privacy` hides, and :mod:`.gather` writes the data set.
"""
