"""Copies of the shown pictures count by their pixels; what is not a copy is refused by its name."""

from __future__ import annotations

import io
import os
import time
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from bench.errors import UsageError
from bench.feedback.clicked import clicked_numbers, clicked_of_both_kinds
from bench.feedback.copies import TOLERANCE

COUNT = 12


def smooth(rng, side, channels):
    """Draw a picture that no other one resembles, smooth as a photograph is."""
    small = rng.integers(0, 256, (5, 5, channels), dtype=np.uint8)
    mode = "L" if channels == 1 else "RGB"
    return Image.fromarray(small[..., 0] if channels == 1 else small, mode=None).convert(mode).resize((side, side))


def draw(folder, count=COUNT, side=32, channels=3, seed=0):
    """Write the pictures of samples."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for i in range(count):
        smooth(rng, side, channels).save(folder / f"{i:06d}.png")
    return folder


@pytest.fixture
def shown(tmp_path):
    return draw(tmp_path / "shown")


@pytest.fixture
def picked(tmp_path):
    folder = tmp_path / "picked"
    folder.mkdir()
    return folder


def copy(shown, number, target, **options):
    """Copy a sample's picture; another suffix saves it anew."""
    source = shown / f"{number:06d}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix.lower() == ".png" and not options:
        target.write_bytes(source.read_bytes())
    else:
        Image.open(source).save(target, **options)


def refusal(picked, shown, count=COUNT):
    with pytest.raises(UsageError) as error:
        clicked_numbers(picked, shown, count)
    return str(error.value)


# --- what counts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "000003.png", "000003.PNG", "000003.Png", "3.png", "scar (copy).png", "000007.png", "000003", "000003.jpg.png",
        "deep/er/000003.png", "000003.bmp", "000003.tiff", "000003.jpg", "000003.JPEG", "renamed.jpg", "sub/x.jpg",
    ],
)  # fmt: skip
def test_a_copy_counts_by_its_pixels(name, shown, picked):
    copy(shown, 3, picked / "copy.png")
    image = Image.open(picked / "copy.png")
    (picked / name).parent.mkdir(parents=True, exist_ok=True)
    suffix = (picked / name).suffix.lower()
    image.save(picked / name, {".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".tiff": "TIFF"}.get(suffix, "PNG"))
    (picked / "copy.png").unlink()
    assert clicked_numbers(picked, shown, COUNT) == [3]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("options", [{"quality": q, "subsampling": s} for q in (40, 75, 95) for s in (0, 2)])
def test_jpegs_of_any_quality_are_told_apart(options, channels, tmp_path, picked):
    shown = draw(tmp_path / "shown", channels=channels)
    for i in (1, 4, 9):
        copy(shown, i, picked / f"{i}.jpg", **options)
    assert clicked_numbers(picked, shown, COUNT) == [1, 4, 9]


def test_jpegs_are_compared_without_copies_of_all_samples_in_floats(tmp_path, picked):
    shown = draw(tmp_path / "shown", count=400, side=96)
    copy(shown, 300, picked / "x.jpg")
    tracemalloc.start()
    try:
        assert clicked_numbers(picked, shown, 400) == [300]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * 400 * 96 * 96 * 3, "fewer bytes than the pixels have in float32"


def test_another_encoder_s_rounding_is_within_the_tolerance(shown, picked):
    """Pixels that differ by a grey level or two stand for an encoder that rounds otherwise."""
    copy(shown, 5, picked / "5.jpg", quality=90)
    rng = np.random.default_rng(1)
    pixels = np.asarray(Image.open(shown / "000005.png").convert("RGB")).astype(int)
    noisy = (pixels + rng.integers(-1, 2, pixels.shape)).clip(0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(picked / "5.jpg", quality=90)
    assert clicked_numbers(picked, shown, COUNT) == [5] and TOLERANCE < 5


def test_a_picture_saved_with_a_palette_or_transparency_counts(shown, picked):
    few = Image.fromarray(np.repeat(np.arange(0, 256, 8, dtype=np.uint8)[None], 32, 0))
    few.convert("RGB").save(shown / "000002.png")
    few.convert("P").save(picked / "palette.png")
    Image.open(shown / "000008.png").convert("RGBA").save(picked / "alpha.png")
    assert clicked_numbers(picked, shown, COUNT) == [2, 8]


def test_a_sample_copied_twice_counts_once(shown, picked):
    for name in ("000003.png", "000003 (1).png", "sub/000003.png", "000003.jpg"):
        copy(shown, 3, picked / name)
    assert clicked_numbers(picked, shown, COUNT) == [3]


def test_what_operating_systems_leave_is_ignored(shown, picked):
    copy(shown, 3, picked / "000003.png")
    for name in ("._000003.png", ".DS_Store", "Thumbs.db", "desktop.ini", "sub/._x", "__MACOSX/._000004.png"):
        (picked / name).parent.mkdir(exist_ok=True)
        (picked / name).write_bytes(b"\x00\x05\x16\x07")
    assert clicked_numbers(picked, shown, COUNT) == [3]


def test_of_equal_samples_the_name_decides(shown, picked):
    copy(shown, 3, shown / "000008.png")
    copy(shown, 3, picked / "000008.png")
    assert clicked_numbers(picked, shown, COUNT) == [8]
    copy(shown, 3, picked / "3 (1).png")
    assert clicked_numbers(picked, shown, COUNT) == [3, 8]
    copy(shown, 3, picked / "scar.png")
    assert "scar.png: the samples 3, 8 look the same. Name it after the one that you mean: 000003.png" in refusal(
        picked, shown
    )


# --- what is refused ------------------------------------------------------------------------------------


def test_the_pictures_of_another_generator_are_refused_whatever_their_names(tmp_path, shown, picked):
    others = draw(tmp_path / "others", seed=1)
    for suffix in (".png", ".jpg"):
        copy(others, 3, picked / f"000003{suffix}")
        assert f"--clicked {picked}: 000003{suffix}: is not a copy of a sample in {shown}" in refusal(picked, shown)
        (picked / f"000003{suffix}").unlink()


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_the_picture_of_an_unlearned_generator_is_refused(suffix, shown, picked):
    """It resembles the sample of its number much more than any other, but it is not that sample."""
    pixels = np.asarray(Image.open(shown / "000003.png").convert("RGB")).astype(int)
    pixels[10:20, 10:20] += np.where(pixels[10:20, 10:20] < 128, 40, -40)
    Image.fromarray(pixels.astype(np.uint8)).save(picked / f"000003{suffix}")
    assert f"000003{suffix}: is not a copy of a sample" in refusal(picked, shown)


def damaged(shown):
    """Yield names and contents of files that are not pictures of a sample, and what is said of them."""
    whole = (shown / "000003.png").read_bytes()
    large = io.BytesIO()
    Image.open(shown / "000003.png").resize((64, 64)).save(large, "PNG")
    jpeg = io.BytesIO()
    Image.open(shown / "000003.png").save(jpeg, "JPEG")
    bomb = whole[:16] + (60_000).to_bytes(4, "big") * 2 + whole[24:]
    yield from {
        "cut.png": (whole[: len(whole) // 2], "is not a picture that can be read"),
        "cut.jpg": (jpeg.getvalue()[: len(jpeg.getvalue()) // 2], "is not a picture that can be read"),
        "empty.png": (b"", "is not a picture that can be read"),
        "notes.txt": (b"3\n17\n", "is not a picture that can be read"),
        "page.png": (b"<html></html>", "is not a picture that can be read"),
        "bomb.png": (bomb, "is not a picture that can be read"),
        "large.png": (large.getvalue(), "has 64 x 64 pixels, but the samples have 32 x 32"),
    }.items()


def test_damaged_and_foreign_files_are_refused_by_name(shown, picked):
    copy(shown, 4, picked / "000004.png")
    for name, (content, reason) in damaged(shown):
        (picked / "sub").mkdir(exist_ok=True)
        (picked / "sub" / name).write_bytes(content)
        assert f"--clicked {picked}: sub/{name}: {reason}" in refusal(picked, shown)
        (picked / "sub" / name).unlink()


def test_flipped_bits_never_click_another_sample(shown, picked):
    """A damaged copy is refused, or the bit lies where it changes no pixel."""
    whole, refused = (shown / "000003.png").read_bytes(), 0
    for place in range(8, 8 * len(whole), 8 * len(whole) // 60):
        content = bytearray(whole)
        content[place // 8] ^= 1 << place % 8
        (picked / "000003.png").write_bytes(bytes(content))
        try:
            assert clicked_numbers(picked, shown, COUNT) == [3]
        except UsageError as error:
            assert "000003.png" in str(error)
            refused += 1
    assert refused > 40


def test_pipes_and_linked_folders_are_refused(shown, picked):
    os.mkfifo(picked / "000003.png")
    assert "000003.png: is not a regular file" in refusal(picked, shown)
    (picked / "000003.png").unlink()
    (picked / "again").symlink_to(picked)
    assert "again: is not a regular file" in refusal(picked, shown)


def test_the_samples_themselves_must_be_whole(shown, picked):
    (shown / "000003.png").rename(picked / "000003.png")  # moved, not copied
    assert f"{shown / '000003.png'}: the sample's picture is missing or damaged" in refusal(picked, shown)
    (shown / "000003.png").write_bytes(b"\x89PNG")
    assert f"{shown / '000003.png'}: the sample's picture is missing or damaged" in refusal(picked, shown)


def test_the_folder_of_all_samples_is_refused(shown, picked):
    assert "is the folder of all samples. Copy the clicked ones into another folder" in refusal(shown, shown)
    (picked / ".DS_Store").write_bytes(b"")
    assert clicked_numbers(picked, shown, COUNT) == []
    with pytest.raises(UsageError, match=f"--clicked {picked}: none of the 12 samples are clicked"):
        clicked_of_both_kinds(picked, shown, COUNT)


@pytest.mark.parametrize(("side", "channels"), [(28, 1), (64, 3)])
def test_five_hundred_pictures_take_seconds(side, channels, tmp_path, picked):
    shown = draw(tmp_path / "shown", 500, side, channels)
    for i in range(0, 500, 5):
        copy(shown, i, picked / f"{i}.jpg")
    began = time.process_time()
    assert clicked_numbers(picked, shown, 500) == list(range(0, 500, 5))
    assert time.process_time() - began < 20, "one to two seconds on an idle core"
