"""The controller: where a board and a meter meet."""
