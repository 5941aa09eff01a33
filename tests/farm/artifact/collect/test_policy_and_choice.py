"""Which images come back: what a policy may say, and that the same predictions always give the same images."""

import numpy as np
import pytest

from farm.artifact.collect.choose import Told, choose
from farm.artifact.collect.policy import load_policy
from farm.errors import UsageFault
from farm.store.predictions import Predictions

LABELS = np.arange(20) % 10


@pytest.fixture
def policy(tmp_path):
    def read(text: str):
        path = tmp_path / "collect.yaml"
        path.write_text(text)
        return load_policy(path)

    return read


def told(record="one", artifact="a" * 64, images=range(20), *, wrong=(), margins=None, labelled=True, unit=1.0) -> Told:
    image = np.array(list(images))
    says = np.where(np.isin(image, list(wrong)), (LABELS[image] + 1) % 10, LABELS[image])
    margin = unit * (np.array([margins[i] for i in image]) if margins else 1.0 + image)
    return Told(record, artifact, Predictions(image, says, margin, LABELS[image] if labelled else None))


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("misclassified: true\n", ["collect.yaml:1: policy: `privacy:` is missing; say `privacy: none` if nothing"]),
        ("privacy: none\n", ["collect.yaml:1: policy: asks for no images"]),
        ("misclassified: true\nprivacy: hide\n", ["collect.yaml:2: privacy: wants none, pixelate:, drop_classes:"]),
        ("misclassified: true\nprivacy: {}\n", ["collect.yaml:2: privacy: hides nothing; say `privacy: none`"]),
        ("misclassified: true\nprivacy: {pixelate: {block: 1}}\n", ["collect.yaml:2: privacy.pixelate.block: should"]),
        (
            "least_margin: 5\nprivacy: none\n",
            ['collect.yaml:1: least_margin: wants a share with its unit, such as "0.'],
        ),
        ("least_margin: 0 %\nprivacy: none\n", ["collect.yaml:1: least_margin: should be greater than 0"]),
        (
            "misclassified: true\nprivacy: {command: [./blur]}\n",
            ["yaml:2: privacy.command: there is no './blur'; paths"],
        ),
        (
            "missclassified: true\nat_most: 0\nprivacy: {blur: 3}\n",
            [
                'collect.yaml:1: missclassified: unknown key; did you mean "misclassified"?',
                "collect.yaml:2: at_most: should be greater than or equal to 1",
                "collect.yaml:3: privacy.blur: unknown key",
            ],
        ),
        (
            "misclassified: true\nacquired: {board: b, folder: /data}\nprivacy: {drop_classes: [1]}\n",
            [
                "collect.yaml:2: acquired: nobody knows what these show; write `labels: leave out`",
                "collect.yaml:2: acquired: nothing was predicted of these",
                "collect.yaml:3: privacy.drop_classes: nobody knows what acquired images show",
            ],
        ),
    ],
)
def test_a_wrong_policy_is_told_by_file_and_line_all_at_once(policy, text, faults):
    with pytest.raises(UsageFault) as seen:
        policy(text)
    assert len(seen.value.faults) == len(faults)
    for fault, wanted in zip(seen.value.faults, faults, strict=True):
        assert wanted in fault


def test_wrong_ones_and_those_of_least_margin_come_back_in_the_data_set_s_order(policy):
    asked = policy("misclassified: true\nleast_margin: 10 %\nprivacy: none\n")
    chosen = choose([told(wrong=(19, 7))], asked)
    assert chosen.indices == [0, 1, 7, 19]
    assert (chosen.wrong, chosen.candidates) == (2, 4)
    assert chosen.labels[19] == 9


def test_what_is_too_many_goes_by_margin_after_what_was_wrong(policy):
    asked = policy("misclassified: true\nleast_margin: 50 %\nat_most: 3\nprivacy: none\n")
    assert choose([told(wrong=(19, 7))], asked).indices == [0, 7, 19]


def test_margins_are_ranked_within_one_artifact_whatever_their_unit(policy):
    asked = policy("least_margin: 10 %\nprivacy: none\n")
    one, other = told("one", "a" * 64), told("two", "b" * 64, margins=[20 - i for i in range(20)], unit=1e-6)
    assert choose([one, other], asked).indices == [0, 1, 18, 19]
    assert choose([other, one], asked).indices == [0, 1, 18, 19]


def test_shares_of_a_data_set_are_ranked_as_one(policy):
    asked = policy("least_margin: 10 %\nprivacy: none\n")
    shares = [told("one", images=range(15, 20)), told("two", images=range(15))]
    assert choose(shares, asked).indices == choose([told()], asked).indices == [0, 1]


def test_equal_margins_are_told_apart_by_their_place(policy):
    asked = policy("least_margin: 25 %\nprivacy: none\n")
    assert choose([told(margins=[0.5] * 20)], asked).indices == [0, 1, 2, 3, 4]


def test_images_whose_margin_nobody_knows_are_not_taken_for_certain_ones(policy):
    asked = policy("least_margin: 10 %\nprivacy: none\n")
    margins = [float("nan")] * 10 + [5.0] * 9 + [1.0]
    assert choose([told(margins=margins)], asked).indices == [19]


def test_a_record_that_lacks_what_is_asked_for_is_named(policy):
    asked = policy("misclassified: true\nleast_margin: 5 %\nprivacy: none\n")
    unknown = told("two", margins=[float("nan")] * 20, labelled=False)
    with pytest.raises(UsageFault) as seen:
        choose([Told("one", "a" * 64, None), unknown], asked)
    assert [line.split(": ")[:2] for line in seen.value.faults] == [
        ["record one", "keeps no predictions"],
        ["record two", "misclassified"],
        ["record two", "labels"],
        ["record two", "least_margin"],
    ]
