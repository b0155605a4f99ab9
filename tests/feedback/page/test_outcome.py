"""From clicks to the feedback file, and how consistent they are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bench.errors import UsageError
from bench.feedback import repeats
from bench.feedback.file import from_file
from bench.feedback.page.layout import page_of
from bench.feedback.page.outcome import labels_of, problem_of, warning_of, write_feedback
from bench.workspace.store.record import Repeats


@pytest.fixture
def click(desk):
    """Lay out everything, select tiles, and look at others."""

    def call(selected, looked, name="thickness"):
        page_of(desk.book, desk.original, 500, 50, likely=False)
        desk.book.mark("original", name, dict.fromkeys(selected, True))
        desk.book.look("original", name, [n for n in looked if n < len(desk.book.tiles("original"))])
        return labels_of(desk.book, desk.original)

    return call


def written(desk, labels, rest="left out"):
    write_feedback(desk.file, labels, desk.original, rest, desk.model, desk.weights_sha256)
    return from_file(desk.file, desk.weights_sha256, desk.original.samples.generator)


def samples_of(desk, tiles):
    return [sample for tile, (sample, again) in enumerate(desk.book.tiles("original")) if tile in tiles and not again]


def test_samples_that_were_looked_at_count(desk, click):
    labels = click({1, 4, 7}, range(50))
    feedback, stored = written(desk, labels)
    assert (stored.count, stored.positive, stored.stream, stored.noise_file) == (50, [1, 4, 7], "feedback/0", None)
    assert (stored.model, stored.feature, stored.oracle, stored.also) == ("bars", "thickness", None, {})
    assert labels.left == 70


def test_others_count_as_without_if_that_is_said(desk, click):
    feedback, stored = written(desk, click({1, 4, 7}, range(50)), "without")
    assert (stored.count, stored.positive, stored.noise_file) == (120, [1, 4, 7], None)


def test_a_part_in_the_middle_comes_with_its_noise(desk, click):
    tiles = range(50, 100)
    feedback, stored = written(desk, click({60, 61}, tiles))
    shown = samples_of(desk, tiles)
    assert stored.stream is None and stored.noise_file == "feedback.npy" and len(feedback) == len(shown) < 50
    assert np.array_equal(feedback.noise_array, desk.original.samples.noise(shown).numpy())
    written(desk, click({1}, range(50)))
    feedback, stored = written(desk, click(set(), range(500)))
    assert stored.noise_file is None and not desk.file.with_suffix(".npy").exists(), "a noise file of before is removed"


def test_a_further_attribute_counts_if_it_was_looked_at_everywhere(desk, click):
    click({1, 4}, range(50))
    labels = click({2, 3}, range(20), "slant")
    assert labels.incomplete == ["slant"] and written(desk, labels)[1].also == {}
    labels = click({40}, range(50), "slant")
    assert labels.incomplete == [] and written(desk, labels)[1].also == {"slant": [2, 3, 40]}


@pytest.mark.parametrize(
    ("selected", "message"),
    [
        (set(), "Nothing is selected yet"),
        (set(range(50)), "All 50 images that count are selected"),
    ],
)
def test_clicks_of_one_kind_are_no_feedback_and_stay(desk, click, selected, message):
    labels = click(selected, range(50))
    assert problem_of(labels, "left out").startswith(message)
    with pytest.raises(UsageError, match=message):
        written(desk, labels)
    assert not desk.file.exists() and desk.book.clicked("original", "thickness") == selected


def test_three_positives_are_feedback_with_a_warning(desk, click):
    labels = click({1, 2, 3}, range(50))
    assert warning_of(labels).startswith("Only 3 images are selected. From fewer than 20 the direction is mostly noise")
    assert written(desk, labels)[0].positives == 3
    assert warning_of(click(set(range(20)), range(50))) is None


def test_a_folder_that_cannot_be_written_loses_no_click(desk, click):
    from bench.errors import BenchError

    labels = click({1, 2}, range(50))
    desk.file.mkdir()
    with pytest.raises(BenchError, match="feedback.json: cannot be written .*The clicks are kept"):
        written(desk, labels)
    assert desk.book.clicked("original", "thickness") == {1, 2}


# --- consistency --------------------------------------------------------------------------------------


def test_samples_seen_twice_say_how_consistent_the_clicks_are(desk, click):
    click(set(), ())
    tiles = desk.book.tiles("original")
    again = [tile for tile, (_, again) in enumerate(tiles) if again]
    once = {tile: tiles.index((tiles[tile][0], False)) for tile in again}
    click({once[tile] for tile in again[:3]} | set(again[1:4]), range(len(tiles)))
    labels = labels_of(desk.book, desk.original)
    assert labels.repeats == Repeats(pairs=4, agreeing=2), "one was forgotten, one was added, two were alike"
    assert sorted(s for s, on in labels.feature.items() if on) == sorted(tiles[t][0] for t in again[:3]), "the first click counts"  # fmt: skip
    write_feedback(desk.file, labels, desk.original, "left out", "bars", desk.weights_sha256)
    assert repeats.read(desk.file) == labels.repeats
    desk.file.write_text(json.dumps({**json.loads(desk.file.read_text()), "sha256": "0"}))
    assert repeats.read(desk.file) is None, "another feedback file"


def test_a_damaged_file_is_named(desk, click):
    labels = click({1}, range(500))
    write_feedback(desk.file, labels, desk.original, "left out", "bars", desk.weights_sha256)
    path = repeats.file_for(desk.file)
    path.write_text(path.read_text().replace('"agreeing": ', '"agreeing": 1'))
    with pytest.raises(UsageError, match=r"feedback.repeats.json: cannot be used .* Remove it"):
        repeats.read(desk.file)


@pytest.mark.parametrize("e", [0.0, 0.02, 0.1, 0.3])
def test_the_share_of_mistakes_is_found_from_those_seen_twice(e):
    differing = round(100_000 * 2 * e * (1 - e))
    share, low, high = repeats.label_noise(Repeats(pairs=100_000, agreeing=100_000 - differing))
    assert share == pytest.approx(e, abs=1e-4) and low <= share <= high


def test_few_that_came_twice_tell_nothing():
    assert repeats.noise_told(Repeats(pairs=9, agreeing=9)) == (
        "too few images came twice to tell how many clicks are mistaken (10 are needed)"
    )
    assert repeats.noise_told(Repeats(pairs=10, agreeing=10)).startswith("about 0.0 % of the clicks are mistaken (95 %")


def test_clicks_by_chance_are_half_mistaken():
    assert repeats.label_noise(Repeats(pairs=20, agreeing=2))[0] == 0.5
    assert repeats.label_noise(Repeats(pairs=20, agreeing=20))[0] == 0.0
