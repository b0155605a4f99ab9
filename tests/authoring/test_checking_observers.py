"""Checks of what looks at images: classifiers and extractors."""

from __future__ import annotations

import pytest

STACK = "np.stack([measured[name].cpu().numpy() for name in attributes], axis=1)"
CLASSIFIERS = {
    "nan": ((STACK, f"{STACK} + np.where(pixels.any(dim=1).numpy(), 0, np.nan)[:, None]"), "scores_are_finite", "NaN or infinity"),
    "one_column": ((STACK, f"{STACK}[:, :1]"), "scores_are_finite", "scores have shape (4, 1)"),
    "float32": ((STACK, f"{STACK}.astype(np.float32)"), "scores_are_finite", "scores are float32, not float64"),
    "own_order": (
        ("for name in attributes]", "for name in self.attributes]"), "scores_come_as_asked",
        "scores(images, ['contrast', 'bright']) are not the columns",
    ),
    "relative": ((STACK, f"{STACK} - pixels.mean().item()"), "a_batch_scores_as_its_images_do", "depend on the batch"),
    "paints": (
        ("pixels = images", "images[:] = 7\n        pixels = images"), "images_are_left_alone", "changes the images",
    ),
    "no_cut": ((', "contrast": 0.4}', "}"), "every_attribute_has_a_cut", "no cut for contrast"),
    "infinite_cut": (("0.4}", "float('inf')}"), "every_attribute_has_a_cut", "a cut is NaN or infinite"),
    "all_of_them": (("top_fraction = None", "top_fraction = 10"), "top_fraction_is_a_share", "top_fraction is 10"),
    "itself": (
        ("    def scores(", "    def non_target(self, feature):\n        return self.attributes\n\n    def scores("),
        "others_are_attributes", "non_target('bright') is ('bright', 'contrast')",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_bad_classifier_is_caught(name, changed, problems):
    change, where, message = CLASSIFIERS[name]
    changed("classifier", change)
    found = problems("mine")
    assert message in found.get(where, ""), found


RETURNED = "return embeddings, -10 * (embeddings.mean(dim=1, keepdim=True) - levels).square()"
EXTRACTORS = {
    "one_class_more": (
        ('"medium", ', ""), "outputs_have_their_shapes", "logits have shape (4, 3), not (4, 2)",
    ),
    "maps": ((RETURNED, RETURNED.replace("return embeddings,", "return embeddings.view(-1, 1, 8, 8),")), "outputs_have_their_shapes", "embeddings have shape (4, 1, 8, 8)"),
    "double": ((".mean(dim=1, keepdim=True), 8)", ".double().mean(dim=1, keepdim=True), 8)"), "outputs_have_their_shapes", "embeddings are torch.float64"),
    "nan": ((RETURNED, f"embeddings = embeddings / embeddings.sum(1, True)\n        {RETURNED}"), "outputs_have_their_shapes", "NaN or infinite"),
    "relative": (
        (RETURNED, f"embeddings = embeddings - embeddings.mean(0)\n        {RETURNED}"), "a_batch_looks_as_its_images_do",
        "embeddings depend on the batch",
    ),
    "random": (
        (RETURNED, f"embeddings = embeddings + torch.rand(1)\n        {RETURNED}"), "a_batch_looks_as_its_images_do",
        "or differ between calls",
    ),
    "twins": (('"medium"', '"dark"'), "classes_are_named", "two classes have one name"),
    "text": (('("dark", "medium", "bright")', '"dmb"'), "classes_are_named", "classes must be a tuple"),
    "short": (("return code_of(cls)", 'return "version 2"'), "identity_is_a_hash", "'version 2', not 64 hex digits"),
    "fickle": (
        ("return code_of(cls)", "return __import__('secrets').token_hex(32)"), "identity_is_a_hash", "differs between",
    ),
    "nameless": (("return code_of(cls)", "return None"), "identity_is_a_hash", "nothing says what it computes with"),
}  # fmt: skip


@pytest.mark.parametrize("name", EXTRACTORS)
def test_a_bad_extractor_is_caught(name, changed, problems):
    change, where, message = EXTRACTORS[name]
    changed("extractor", change)
    found = problems("mine")
    assert message in found.get(where, ""), found


def test_an_extractor_that_keeps_a_graph_is_caught(changed, problems):
    trained = f"embeddings = embeddings * torch.nn.Parameter(torch.ones(1))\n        {RETURNED}"
    changed("extractor", ("    @torch.no_grad()\n", ""), (RETURNED, trained))
    assert problems("mine") == {"outputs_need_no_gradient": "outputs keep a graph: decorate with torch.no_grad"}


def test_an_extractor_of_colour_images_is_looked_at_in_colour(changed, problems):
    changed("extractor", ("embeddings = adaptive", "assert images.shape[1] == 3\n        embeddings = adaptive"))
    assert problems("mine") == {}


def test_an_extractor_whose_weights_are_missing_is_checked_as_far_as_it_can_be(changed, problems):
    changed(
        "extractor",
        ("import Extractor, code_of", "import CheckpointError, Extractor"),
        ("return code_of(cls)", "raise CheckpointError('get them there')"),
        ('"medium"', '"dark"'),
    )
    assert problems("mine") == {"classes_are_named": "two classes have one name"}
