"""Modules that a board may have, or not."""

import importlib

from faults import Fault


def require(module):
    """Return a module; Fault where it is not there, or a library that it needs is not."""
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as error:
        raise Fault("runtime", "{} is not installed: {}".format(module, error)) from error


def first(*modules):
    """Return the first module that is there, and its name."""
    for module in modules:
        try:
            return require(module), module
        except Fault as fault:
            last = fault
    raise Fault("runtime", "neither {} is installed".format(" nor ".join(modules))) from last


def version_of(module, name):
    """Return a module's name and version, as a record tells it."""
    return "{} {}".format(name, getattr(module, "__version__", "of unknown version"))
