"""Many processes that all want one of a few boards."""
