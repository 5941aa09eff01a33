"""A phone on the test farm: reached through an app of its own, without SSH and without a console."""
