"""What several boards have counted, put together. Pure."""

from collections.abc import Sequence

from ..artifact.manifest import Manifest
from ..store.frame_facts import ArtifactFacts, DatasetFacts
from ..store.shared_facts import DisagreementFacts, LostShare, SharedAccuracy, ShareFacts
from .described import accuracy_facts
from .shares import Answer, disagreements, joined


def counted(
    answers: Sequence[Answer],
    lost: Sequence[LostShare],
    manifest: Manifest,
    artifact: ArtifactFacts,
    dataset: DatasetFacts,
) -> SharedAccuracy:
    """Return what a run says of its shares.

    Args:
        answers: what the boards made of them.
        lost: what they did not bring to an end.
        manifest: of an artifact that names a data set.
        artifact: the same, as records have it.
        dataset: what was predicted.

    Raises:
        ValueError: an image was predicted twice.
    """
    ordered = sorted(answers, key=lambda answer: (answer.share.check_of is not None, answer.share.begin))
    predictions = joined(answers)
    return SharedAccuracy(
        artifact=artifact,
        dataset=dataset,
        accuracy=None if predictions is None else accuracy_facts(predictions, manifest, dataset.images),
        expected_correct=0 if manifest.expected is None else manifest.expected.correct,
        shares=[_facts(answer) for answer in ordered],
        lost=[_resolved(one, answers) for one in lost],
        checked=sum(answer.share.images for answer in answers if answer.share.check_of is not None),
        disagreements=[
            DisagreementFacts(image=one.image, boards=one.boards, predictions=one.predictions)
            for one in disagreements(answers)
        ],
    )


def _facts(answer: Answer) -> ShareFacts:
    share = answer.share
    return ShareFacts(
        begin=share.begin,
        end=share.end,
        board=answer.board,
        made=answer.made,
        correct=answer.predictions.correct,
        record=answer.record,
        check_of=share.check_of,
    )


def _resolved(one: LostShare, answers: Sequence[Answer]) -> LostShare:
    """Say which board has done what another has lost."""
    by = next(
        (
            answer.board
            for answer in answers
            if (answer.share.begin, answer.share.end) == (one.begin, one.end)
            and any(board == one.board for board, _ in answer.share.lost)
        ),
        None,
    )
    return one.model_copy(update={"redone_by": by})
