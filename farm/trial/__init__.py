"""The runner on the board and the meters on one clock."""
