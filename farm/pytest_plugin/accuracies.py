"""What the ``accuracy`` fixture hands out."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from farm.artifact.feed import feed
from farm.artifact.signed import open_accepted
from farm.errors import NoVerdict, UsageFault
from farm.report.shared_text import headline, lines, summary
from farm.store.database import Store
from farm.store.frame_facts import AccuracyFacts
from farm.store.run import GateCriterion, GateVerdict
from farm.verdict.criteria import Limits, named_limits
from farm.verdict.shared import Asked, Found, boards_for, count, require_limits, verdict_on

from .lending import database, wait_s
from .results import note
from .session import LabSession


@dataclass(frozen=True, slots=True)
class Counted:
    """An accuracy that was counted, and the way to a verdict."""

    found: Found
    _asked: Asked
    _item: pytest.Item
    _where: Path

    @property
    def fraction(self) -> float:
        """Share of correct predictions over the whole data set."""
        return self._whole.fraction

    @property
    def loss(self) -> float | None:
        """Against the float baseline on the same data set; exact."""
        return self._whole.loss

    def check(self, limits: Limits | None = None, /, **named: float) -> None:
        """Hold it against ``min_accuracy`` and ``max_accuracy_loss``, given whole or by name.

        Fails the test when a limit is missed.

        Raises:
            UsageFault: another limit, or none: nothing was measured; or there is no such limit.
        """
        asked = replace(self._asked, limits=limits or named_limits(named))
        if not asked.limits.model_dump(exclude_none=True):
            raise UsageFault(f"{self._item.nodeid}: check() wants a limit, e.g. max_accuracy_loss=0.02")
        require_limits(asked.limits)
        with Store.open(self._where) as store:
            verdict = verdict_on(self.found.shared, asked, store, self.found.remarks)
            store.end(self.found.run.id, verdict, accuracy=self.found.shared)
        if verdict is None:
            raise NoVerdict("nothing was decided")
        if verdict.outcome == "pass":
            note(self._item, f"every limit held: {', '.join(f'{c.name} {c.wanted}' for c in verdict.criteria)}")
            return
        said = [*lines(self.found.shared), *map(_told, verdict.criteria), headline(self.found.shared, verdict)]
        if verdict.outcome == "regression":
            pytest.fail("\n".join(said), pytrace=False)
        raise NoVerdict(_reasons(verdict))

    @property
    def _whole(self) -> AccuracyFacts:
        accuracy = self.found.shared.accuracy
        if accuracy is None:
            raise NoVerdict("nothing was predicted")
        return accuracy


class Accuracies:
    """Counts on several boards at once, and keeps what came of it as a run of its own."""

    def __init__(self, session: LabSession, item: pytest.Item, folder: Path) -> None:
        """Take the lab's session, the test that asks, and a folder to unpack in."""
        self._session, self._item, self._folder = session, item, folder

    def __call__(
        self,
        artifact: Path | str | None = None,
        dataset: Path | str | None = None,
        *,
        model: str | None = None,
        boards: int | None = None,
        cross_check: int = 0,
    ) -> Counted:
        """Divide a data set over boards of one model; without arguments the marked artifact on the marked model.

        Args:
            artifact: What to run; paths are seen from the test file's folder.
            dataset: Its data set; else the marked one, or one near the artifact.
            model: Of the boards; else that of the marker ``board(model=…)``.
            boards: So many at a time; else all of the model.
            cross_check: So many images are predicted by a second board.

        Raises:
            NoVerdict: not every image was predicted, or boards disagree.
            UsageFault: the lab has no such boards, or the artifact names no data set.
        """
        self._session.require_up()
        lab, config = self._session.lab, self._session.config
        path, images = self._paths(artifact, dataset)
        names = boards_for(lab, model or self._marked("board").get("model"), config.option.farm_board)
        opened = open_accepted(lab, path, self._folder / "artifact")
        given = feed(opened, path, images)
        asked = Asked(
            lab,
            opened,
            given,
            names,
            len(names) if boards is None else boards,
            check=cross_check,
            wait_s=wait_s(config),
            command=("pytest", self._item.nodeid),
        )
        where = database(lab, config.option.farm_state)
        with Store.open(where) as store:
            found = count(asked, store, lambda _text, _board: None, state=config.option.farm_state)
        note(self._item, f"{summary(found.shared)}; run {found.run.id[:8]}")
        for lost in found.shared.lost:
            note(self._item, f"lab fault: {lost.what}")
        if found.verdict is not None:
            raise NoVerdict(_reasons(found.verdict))
        return Counted(found, asked, self._item, where)

    def _paths(self, artifact: Path | str | None, dataset: Path | str | None) -> tuple[Path, Path | None]:
        marked = self._marked("artifact")
        path, images = artifact or marked.get("path"), dataset or marked.get("dataset")
        if path is None:
            raise UsageFault(f"{self._item.nodeid}: which model? accuracy(PATH), or mark the test artifact(path)")
        folder = self._item.path.parent
        return folder / path, None if images is None else folder / images

    def _marked(self, name: str) -> dict[str, str]:
        marker = self._item.get_closest_marker(name)
        if marker is None:
            return {}
        return {**dict(zip(("path", "dataset"), marker.args, strict=False)), **marker.kwargs}


def _reasons(verdict: GateVerdict) -> list[str]:
    return verdict.reasons or [f"{c.name}: {c.why}" for c in verdict.criteria if c.why]


def _told(criterion: GateCriterion) -> str:
    got = "nothing" if criterion.got is None else f"{criterion.got:.6g}"
    return f"  {criterion.outcome:<11} {criterion.name}  wanted {criterion.wanted}  got {got}"
