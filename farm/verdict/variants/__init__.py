"""Many variants of a net, compared on all free boards of a model.

:mod:`.order` says who runs when, :mod:`.blocks` what may be compared with what, :mod:`.contrast` how far two variants
certainly differ, :mod:`.compared` what is said of all of them, :mod:`.front` which of them are worth having;
:mod:`.plan`, :mod:`.engine` and :mod:`.stay` run the trials.
"""
