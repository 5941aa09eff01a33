"""A package without a Core, as it was before 2022."""
