"""Key to repaint inside one process: from the key until the screen hands on the frame that shows it."""

import asyncio
import os
import random
import time

from rich.console import RenderableType
from textual.screen import Screen

from farm.tui.app import FarmApp
from farm.tui.show import settle
from farm.tui.table import BoardTable

from .keys import pause_s, presses
from .lab import BenchLab
from .waiting import Press, Waiting

_PATIENCE_S = 10.0


class TimedApp(FarmApp):
    """Notes when a frame was handed on."""

    displayed_s = 0.0

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        if renderable is not None:
            self.displayed_s = time.perf_counter()


def measure(ports: list[int], count: int, *, every_s: float, deadline_s: float, size: tuple[int, int]) -> list[Press]:
    """Return each key press."""
    return asyncio.run(_measure(ports, count, every_s, deadline_s, size))


async def _measure(
    ports: list[int], count: int, every_s: float, deadline_s: float, size: tuple[int, int]
) -> list[Press]:
    app = TimedApp(BenchLab(ports), every_s=every_s, deadline_s=deadline_s)
    settle()
    dice, took = random.Random(2), []
    async with app.run_test(size=size):
        table = app.screen.query_one(BoardTable)
        await asyncio.sleep(1.0)
        for key, _, line in presses(count, max(1, table.size.height - 1)):
            await asyncio.sleep(pause_s(dice))
            waiting, begin_s = Waiting(os.getpid()), time.perf_counter()
            app.simulate_key(key)
            while table.row + 1 != line or app.displayed_s < begin_s:
                await asyncio.sleep(0.0005)
                if time.perf_counter() - begin_s > _PATIENCE_S:
                    raise TimeoutError(f"{key}: no repaint in {_PATIENCE_S:g} s")
            took.append(Press(1e3 * (app.displayed_s - begin_s), waiting.ms()))
    return took
