"""How a database came to its tables: one file a step, in ``versions/``, run by :mod:`..migrate`."""
