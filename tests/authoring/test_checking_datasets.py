from __future__ import annotations

import pytest

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


def test_a_data_set_that_is_not_here_is_checked_as_far_as_it_can_be(changed, problems):
    changed("dataset", (SPLIT, "raise DataError('discs: not here')"), ('label = "discs (synthetic)"', 'label = ""'))
    assert problems("mine") == {"oracle_is_named": "features, classifier and label must be set"}
