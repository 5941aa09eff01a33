"""The operator's screen: boards as they are now, one module a screen."""
