from __future__ import annotations

import pytest

from bench.authoring.templates import _filled

SPLIT = "return Split(attributes, lambda indices: draw(radius[indices]), sha256(radius.tobytes()).hexdigest())"
BAD = {
    "no_oracle": (('classifier = "mobilenet"', "classifier = None"), "oracle_is_named", "without a classifier"),
    "no_features": (('features = ("large",)', "features = ()"), "oracle_is_named", "must be set"),
    "one_name": (('features = ("large",)', 'features = ("large")'), "names_are_tuples", "features is 'large', not a"),
    "unknown_feature": (
        ('{"large": ("large", True)}', '{"small": ("large", False)}'), "features_follow_attributes",
        "feature_attributes names small, which features does not",
    ),
    "no_such_attribute": (
        ('{"large": ("large", True)}', '{"large": ("Large", True)}'), "attributes_belong_to_images",
        "train: no attribute Large, which feature_attributes names",
    ),
    "any_split": (
        ("if name not in SPLITS:", "name = name if name in SPLITS else 'train'\n        if name not in SPLITS:"),
        "an_unknown_split_is_refused", "must raise DataError or UsageError",
    ),
    "key_error": (("raise DataError(f", "raise KeyError(f"), "an_unknown_split_is_refused", "KeyError"),
    "floats": (("(255 * inside).round().to(torch.uint8)", "inside"), "images_have_their_shape", "are not uint8 tensors"),
    "no_channel": (("to(torch.uint8)[:, None]", "to(torch.uint8)"), "images_have_their_shape", "have shape (5, 32, 32)"),
    "own_order": (
        ("draw(radius[indices])", "draw(radius[: len(indices)])"), "images_have_their_shape", "in another order",
    ),
    "no_identity": (("sha256(radius.tobytes()).hexdigest()", '""'), "splits_have_identities", "sha256 is empty"),
    "same_identity": (("sha256(radius.tobytes())", "sha256(b'discs')"), "splits_have_identities", "the same sha256"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_data_set_is_caught(name, changed, problems):
    change, where, message = BAD[name]
    changed("dataset", change)
    found = problems("mine")
    assert message in found.get(where, ""), found


# --- what it names --------------------------------------------------------------------------------------

NAMED = {
    "no_such_oracle": (
        [('classifier = "mobilenet"', 'classifier = "mobilnet"')], "the_oracle_is_registered",
        "classifier names 'mobilnet', which is not registered. Did you mean 'mobilenet'? Known: cutless, digit_reader, digits, faces, ",
    ),
    "no_such_extractor": (
        [("extractors = ()", 'extractors = ("digit",)')], "extractors_are_registered",
        "extractors names 'digit', which is not registered. Did you mean 'digits'? Known: digits, faces, imagenet, inception, narrow.",
    ),
    "an_oracle_as_extractor": (
        [("extractors = ()", 'extractors = ("mobilenet",)')], "extractors_are_registered",
        "extractors names 'mobilenet', which is a classifier, not an extractor. Known: digits, faces, imagenet, inception, narrow.",
    ),
    "a_feature_that_no_attribute_is": (
        [('features = ("large",)', 'features = ("large", "round")')], "the_oracle_knows_the_features",
        "features names round, which the oracle 'mobilenet' does not know. Known: large.",
    ),
    "a_feature_that_is_not_measured": (
        [('classifier = "mobilenet"', 'classifier = "morpho_mnist"')], "the_oracle_knows_the_features",
        "features names large, which the oracle 'morpho_mnist' does not know. Did you mean 'area'? Known: area, ",
    ),
    "a_feature_without_a_cut": (
        [('classifier = "mobilenet"', 'classifier = "cutless"')], "the_oracle_knows_the_features",
        "features names large, which the oracle 'cutless' does not know. Known: bright.",
    ),
    "an_extractor_without_the_class": (
        [('classifier = "mobilenet"', 'classifier = "digits"')], "the_oracle_knows_the_features",
        "features names large, which the oracle 'digits' does not know. Known: 0, 1, ",
    ),
    "a_measure_of_other_images": (
        [('classifier = "mobilenet"', 'classifier = "grey"'), ('image_shape = (1, SIZE, SIZE)', 'image_shape = (3, SIZE, SIZE)')],
        "the_oracle_knows_the_features",
        "the oracle 'grey' cannot score images of the shape (3, 32, 32) (ValueError: grey images alone)",
    ),
    "an_extractor_that_lacks_attributes": (
        [("extractors = ()", 'extractors = ("digits",)')], "what_is_trained_learns_from_it",
        "'digits' cannot be trained on this data set, whose attributes are large (ValueError: tuple.index(x)",
    ),
    "an_extractor_of_other_images": (
        [("extractors = ()", 'extractors = ("narrow",)')], "what_is_trained_learns_from_it",
        "the extractor 'narrow' cannot look at images of shape (1, 32, 32) (ValueError: 28 px alone)",
    ),
    "attributes_of_text": (
        [('pd.DataFrame({"large": radius > 10})', 'pd.DataFrame({"large": ["yes"] * count})')], "what_is_trained_learns_from_it",
        "'mobilenet' cannot be trained on this data set, whose attributes are large (",
    ),
}  # fmt: skip
SCORES = 'measured = {"bright": pixels'


@pytest.fixture
def neighbours(plugins):
    """Write the oracles and the extractor that the data sets above name."""
    classifier, extractor = _filled("classifier", "mine"), _filled("extractor", "mine")
    large = classifier.replace('("bright", "contrast")', '("bright", "large")').replace('"contrast":', '"large":')
    plugins.write("cutless", large.replace(', "large": 0.4}', "}"))
    refusing = "if images.shape[1] != 1:\n            raise ValueError('grey images alone')\n        "
    plugins.write("grey", large.replace(SCORES, f"{refusing}{SCORES}"))
    at = "embeddings = adaptive"
    plugins.write(
        "narrow",
        extractor.replace(at, f"if images.shape[-1] != 28:\n            raise ValueError('28 px alone')\n        {at}"),
    )


@pytest.mark.parametrize("name", NAMED)
def test_what_a_data_set_names_is_looked_up(name, changed, problems, neighbours):
    changes, where, message = NAMED[name]
    changed("dataset", *changes)
    found = problems("mine")
    assert message in found.get(where, ""), found


def test_a_data_set_whose_oracle_lies_beside_its_file_passes(plugins, bench_cli):
    for name in ("strips", "level"):
        plugins.add(name)
    file = plugins.write("strips", (plugins.path / "strips.py").read_text().replace('("digits",)', "()"))
    by_name = bench_cli("check", "strips", "--plugins", plugins.path)
    by_file = bench_cli("check", file)
    assert by_name.code == by_file.code == 0, by_name.out
    assert by_name.out == by_file.out and "ok     data set strips: the_oracle_knows_the_features" in by_name.out


# --- where the images are -----------------------------------------------------------------------------------

READS = (
    "if name not in SPLITS:",
    "if self.data_dir is None or not (self.data_dir / name).exists():\n"
    "            raise DataError(f'{self.data_dir}/{name}: not here')\n        if name not in SPLITS:",
)


def test_nothing_was_read_is_said_where_the_images_are_not_here(changed, bench_cli, plugins, tmp_path):
    changed("dataset", READS)
    command = ("check", "mine", "--plugins", plugins.path)
    unread = bench_cli(*command)
    assert unread.code == 0 and unread.out.endswith(" passed, 0 failed, 6 not checked\n")
    assert "-      data set mine: images_have_their_shape\n" in unread.out
    assert "nothing was read, because the images are not here. None/train: not here\n" in unread.out
    (tmp_path / "train").touch()
    (tmp_path / "test").touch()
    read = bench_cli(*command, "--data-dir", tmp_path)
    assert (
        read.code == 0 and "not checked" not in read.out and "ok     data set mine: images_have_their_shape" in read.out
    )
    (tmp_path / "train").unlink()
    missing = bench_cli(*command, "--data-dir", tmp_path)
    assert missing.code == 3 and missing.out.endswith(" passed, 1 failed, 5 not checked\n")
    assert f"FAILED data set mine: images_are_here\n       {tmp_path}/train: not here\n" in missing.out


def test_a_real_data_set_is_read_where_it_is(mnist_dir, bench_cli):
    done = bench_cli("check", "mnist", "--data-dir", mnist_dir)
    assert done.code == 0 and "not checked" not in done.out
    assert "ok     data set mnist: what_is_trained_learns_from_it" in done.out


def test_what_can_be_told_without_the_images_is_told(changed, problems):
    changed("dataset", (SPLIT, "raise DataError('discs: not here')"), ('label = "discs (synthetic)"', 'label = ""'))
    assert problems("mine") == {"oracle_is_named": "label must be set: captions name the data by it"}
