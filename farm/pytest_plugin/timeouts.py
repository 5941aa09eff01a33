"""pytest-timeout's thread method, which ends the whole process: the board comes back first, and nobody reads "1"."""

import faulthandler
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from farm.errors import Exit


def end_process_after(item: pytest.Item, timeout_s: float, give_back: Callable[[], object]) -> None:
    """Start a timer that gives the board back and ends the process with 3: a test that was cut off decides nothing.

    Restoring what was set takes as long as its own deadlines allow, no longer.
    """

    def expire() -> None:
        capture: Any = item.config.pluginmanager.get_plugin("capturemanager")
        if capture is not None:
            capture.suspend_global_capture(in_=True)
        faulthandler.dump_traceback(sys.__stderr__ or 2)
        _say(f"no verdict: {item.nodeid}: not over after {timeout_s:g} s; the session ends here")
        try:
            give_back()
        except Exception as fault:  # noqa: BLE001 -- the process ends in any case, and with it the lease
            _say(f"lab fault: {fault}")
        finally:
            os._exit(Exit.LAB_FAULT)

    timer = threading.Timer(timeout_s, expire)
    timer.daemon = True
    timer.start()

    def cancel() -> None:
        timer.cancel()
        timer.join()

    vars(item)["cancel_timeout"] = cancel  # where pytest-timeout looks for it


def _say(text: str) -> None:
    os.write(2, f"\n{text}\n".encode())
