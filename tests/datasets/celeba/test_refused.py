"""Every wrong or missing file is named, with the remedy."""

from __future__ import annotations

import re

import numpy as np
import pytest
from celeba_files import faces, jpeg, zipped

from bench.errors import DataError, UsageError


def edited(pattern, replacement):
    """Return a change of a text file: the first match replaced."""
    return lambda file: file.write_text(re.sub(pattern, replacement, file.read_text(), count=1, flags=re.DOTALL))


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def to_folder(file):
    file.unlink()
    file.mkdir()


ATTRIBUTES, PARTS, PHOTOGRAPH = "list_attr_celeba.txt", "list_eval_partition.txt", "img_align_celeba/000003.jpg"
WRONG = [
    (ATTRIBUTES, lambda file: file.unlink(), "no such file"),
    (ATTRIBUTES, edited("000003[^\n]*\n", ""), "has 6 rows, but its first line says 7"),
    (ATTRIBUTES, edited("(000003[^\n]*) -1", r"\1"), "line 5 has 40 columns, expected 41"),
    (ATTRIBUTES, edited("(000003[^\n]*)-1", r"\1 0"), "line 5: has values other than 1 and -1"),
    (ATTRIBUTES, edited("000004", "000003"), "line 6: '000003.jpg' appears twice"),
    (ATTRIBUTES, edited("000004.jpg", "../../etc/4.jpg"), "line 6: '../../etc/4.jpg' appears twice, or is not a name"),
    (ATTRIBUTES, edited("7\n", ""), "does not start with a count and the names"),
    (ATTRIBUTES, edited("No_Beard", "Beard"), "does not start with a count and the names"),
    (ATTRIBUTES, to_folder, "is a folder; expected a file"),
    (PARTS, to_folder, "is a folder; expected a file"),
    (ATTRIBUTES, lambda file: file.write_bytes(b"\xff\xd8\xff\xe0 JPEG"), "not readable as text"),
    (PARTS, lambda file: file.unlink(), "no such file"),
    (PARTS, edited("000003.jpg 0\n", ""), "has no row for 000003.jpg"),
    (PARTS, edited("000003.jpg 0", "000003.jpg 3"), "line 3: '3' is not a split"),
    (PARTS, edited("000003.jpg 0", "000003.jpg"), "line 3 has 1 columns, expected 2"),
    (PHOTOGRAPH, cut, "damaged, or not the photograph expected: image file is truncated"),
    (
        PHOTOGRAPH,
        lambda file: file.write_bytes(b""),
        "damaged, or not the photograph expected: not a JPEG image. Replace",
    ),
    (
        PHOTOGRAPH,
        lambda file: file.write_bytes(b"\x89PNG"),
        "damaged, or not the photograph expected: not a JPEG image. Replace",
    ),
    (PHOTOGRAPH, lambda file: file.write_bytes(jpeg(218, 178)), "has 218 x 178 px, not 178 x 218"),
]


@pytest.mark.parametrize(("name", "change", "message"), WRONG, ids=[f"{n}: {m}" for n, _, m in WRONG])
def test_a_wrong_file_is_named(name, change, message, data):
    file = data / "celeba" / name
    change(file)
    with pytest.raises(DataError) as caught:
        faces("celeba", data).split("train").read(np.arange(4))
    text = str(caught.value)
    assert text.startswith(f"{file}: ") and message in text
    if name == PHOTOGRAPH:
        assert text.endswith(". Replace or delete this file: a part of the photographs will do.")
    else:
        assert "mmlab.ie.cuhk.edu.hk" in text and "--data-dir" in text and "BENCH_DATA" in text


@pytest.mark.parametrize("member", ["../outside.jpg", "/outside.jpg", "C:\\outside.jpg", "a\\..\\..\\outside.jpg"])
def test_a_zip_that_leads_elsewhere_is_refused(hq, member):
    file = zipped(hq / "CelebAMask-HQ", extra=member)
    files = sorted(hq.parent.rglob("*"))
    with pytest.raises(DataError) as caught:
        faces("celebahq", hq).split("all")
    assert str(caught.value).startswith(
        f"{file}: refused, '{member}' in it leads out of the archive. Download CelebA-HQ"
    )
    assert sorted(hq.parent.rglob("*")) == files


def test_a_damaged_zip_is_named(hq):
    file = zipped(hq / "CelebAMask-HQ")
    content = bytearray(file.read_bytes())
    content[content.find(b"CelebA-HQ-img/3.jpg") + 300] ^= 255
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"CelebA-HQ-img/3\.jpg: damaged, or not the photograph expected: Bad CRC-32"):
        faces("celebahq", hq).split("all").read(np.array([3]))
    cut(file)
    with pytest.raises(DataError, match=r"CelebAMask-HQ\.zip: truncated, or not a zip archive"):
        faces("celebahq", hq).split("all")


def test_other_sizes_of_celeba_hq(hq):
    folder = hq / "CelebAMask-HQ" / "CelebA-HQ-img"
    (folder / "0.jpg").write_bytes(jpeg(256, 256))
    (folder / "1.jpg").write_bytes(jpeg(300, 300))
    split = faces("celebahq", hq).split("all")
    assert split.read(np.array([0])).shape == (1, 3, 256, 256)
    with pytest.raises(DataError, match=r"1\.jpg: .* has 300 x 300 px; expected a square of 256, 512 or 1024 px"):
        split.read(np.array([1]))


def test_an_unknown_split(data):
    with pytest.raises(UsageError, match="unknown split 'tran'. Did you mean 'train'"):
        faces("celeba", data).split("tran")


def test_a_mapping_to_other_names_than_celebas_is_refused(hq):
    file = hq / "CelebAMask-HQ" / "CelebA-HQ-to-CelebA-mapping.txt"
    file.write_text(file.read_text().replace("000005.jpg", "5.jpg"))
    with pytest.raises(DataError, match=r"mapping\.txt: line \d+: '5\.jpg' is not a photograph of CelebA"):
        faces("celebahq", hq).split("train")


@pytest.mark.parametrize("name", ["celeba", "celeba128", "celebahq"])
def test_no_data_is_one_error_on_the_command_line(name, tmp_path, bench_cli):
    command = ("pretrain", "--model", "proggan", "--dataset", name, "--results", tmp_path / "runs")
    nowhere, empty = bench_cli(*command), bench_cli(*command, "--data-dir", tmp_path)
    assert nowhere.code == empty.code == 4
    assert "is needed, but no data folder is given (--data-dir or BENCH_DATA). Download CelebA" in nowhere.err
    assert f"Error: {tmp_path}/celeb" in empty.err.lower().replace("error: ", "Error: ")
    assert "Download CelebA" in empty.err and "Traceback" not in nowhere.err + empty.err
