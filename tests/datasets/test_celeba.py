"""CelebA and CelebA-HQ, on miniatures written in their own formats."""

from __future__ import annotations

import io
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from bench.errors import DataError, UsageError
from bench.registry import Registry
from bench.workspace.suites import load_suite, method_params

NAMES = (
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair "
    "Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male "
    "Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks "
    "Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace "
    "Wearing_Necktie Young"
).split()
BANGS = [True, False, False, True, True, False, False]
NO_BEARD = [True, True, False, True, False, True, True]
PARTITION = [0, 0, 0, 0, 1, 2, 2]
ALIGNED = [f"{i:06}.jpg" for i in range(1, 8)]


def faces(name, folder):
    return Registry().get("datasets", name)(folder)


def table(names, bangs=BANGS, no_beard=NO_BEARD):
    """Return an attribute file as CelebA's authors write it: right-aligned values, CRLF, a space after the names."""
    rows = [
        f"{name} " + " ".join(f"{1 if {'Bangs': b, 'No_Beard': n}.get(a, False) else -1:>2}" for a in NAMES)
        for name, b, n in zip(names, bangs, no_beard, strict=True)
    ]
    return "\r\n".join([str(len(rows)), " ".join(NAMES) + " ", *rows, ""])


def jpeg(width, height, tint=0):
    """Return a photograph whose red is x, green is y, and blue is ``tint``, in grey levels modulo 256."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([x % 256, y % 256, np.full_like(x, tint)], axis=-1).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=98, subsampling=0)
    return content.getvalue()


@pytest.fixture
def data(tmp_path):
    """Write seven photographs in torchvision's layout."""
    root = tmp_path / "data" / "celeba"
    (root / "img_align_celeba").mkdir(parents=True)
    (root / "list_attr_celeba.txt").write_bytes(table(ALIGNED).encode())
    lines = [f"{name} {part}\n" for name, part in zip(ALIGNED, PARTITION, strict=True)]
    (root / "list_eval_partition.txt").write_text("".join(lines))
    for i, name in enumerate(ALIGNED):
        (root / "img_align_celeba" / name).write_bytes(jpeg(178, 218, 20 * i))
    return tmp_path / "data"


@pytest.fixture
def hq(tmp_path):
    """Write twelve photographs in CelebAMask-HQ's layout; 10.jpg and 11.jpg come last by number."""
    root = tmp_path / "data" / "CelebAMask-HQ"
    (root / "CelebA-HQ-img").mkdir(parents=True)
    names = sorted(f"{i}.jpg" for i in range(12))  # as text: 0, 1, 10, 11, 2, ...
    (root / "CelebAMask-HQ-attribute-anno.txt").write_text(table(names, [n == "10.jpg" for n in names], [True] * 12))
    originals = [1, 162_770, 162_771, 182_637, 182_638, 202_599, 2, 3, 4, 5, 6, 7]
    lines = [f"{i:<8}{o - 1:<12}{o:06}.jpg\n" for i, o in enumerate(originals)]
    (root / "CelebA-HQ-to-CelebA-mapping.txt").write_text("".join(["idx     orig_idx    orig_file\n", *lines]))
    for i in range(12):
        (root / "CelebA-HQ-img" / f"{i}.jpg").write_bytes(jpeg(512, 512, 20 * i) if i == 10 else jpeg(256, 256, 20 * i))
    return tmp_path / "data"


def zipped(folder, extra=None):
    """Put a folder into a zip beside it, and take the folder away."""
    file = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder.parent))
        if extra is not None:
            archive.writestr(extra, b"elsewhere")
    folder.rename(folder.with_name("put away"))
    return file


# --- what is read -------------------------------------------------------------------------------------


def test_splits_are_celeba_s_own(data):
    celeba = faces("celeba", data)
    assert [len(celeba.split(name)) for name in ("all", "train", "valid", "test")] == [7, 4, 1, 2]
    everything = celeba.split("all").attributes
    assert everything.columns.tolist() == NAMES and set(map(str, everything.dtypes)) == {"bool"}
    assert everything["Bangs"].tolist() == BANGS and everything["No_Beard"].tolist() == NO_BEARD
    assert celeba.split("test").attributes["Bangs"].tolist() == BANGS[5:]
    blue = celeba.split("test").read(np.array([1, 0]))[:, 2].float().mean((1, 2))
    assert blue.tolist() == pytest.approx([120, 100], abs=2)


def test_features_are_counted_from_the_attribute_file_alone(data):
    (data / "celeba" / "img_align_celeba").rename(data / "elsewhere")
    (data / "celeba" / "list_eval_partition.txt").unlink()
    celeba = faces("celeba", data)
    split = celeba.split(celeba.training_split)
    counts = {feature: int(celeba.has_feature(split.attributes, feature).sum()) for feature in celeba.features}
    assert (counts, len(split)) == ({"bang": 3, "beard": 2}, 7)
    with pytest.raises(DataError, match="img_align_celeba: there is no such folder, and no img_align_celeba.zip"):
        split.read(np.array([0]))


def test_a_byte_order_mark_is_no_part_of_a_table(data):
    before = faces("celeba", data).split("test").sha256
    for name in ("list_attr_celeba.txt", "list_eval_partition.txt"):
        file = data / "celeba" / name
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert faces("celeba", data).split("test").sha256 == before


def test_128_px_are_the_crop_itself(data):
    image = faces("celeba128", data).split("all").read(np.array([3]))[0].float()  # (3, 128, 128)
    assert image.shape == (3, 128, 128)
    across, down = torch.arange(128.0) + 25, torch.arange(128.0) + 57
    assert (image[0] - across).abs().max() <= 3 and (image[1] - down[:, None]).abs().max() <= 3


def test_64_px_are_the_means_of_blocks(data):
    large, small = (faces(name, data).split("all").read(np.array([3, 0])).float() for name in ("celeba128", "celeba"))
    assert small.shape == (2, 3, 64, 64)
    assert (small - torch.nn.functional.avg_pool2d(large, 2)).abs().max() <= 0.5


def test_identities_differ(data):
    keys = {
        faces(name, data).split(part).sha256 for name in ("celeba", "celeba128") for part in ("all", "train", "test")
    }
    assert len(keys) == 6 and faces("celeba", data).split("all").sha256 in keys


def test_a_zip_is_read_in_place(data):
    before = faces("celeba", data).split("all").read(np.arange(7))
    zipped(data / "celeba" / "img_align_celeba")
    files = sorted(data.rglob("*"))
    assert torch.equal(faces("celeba", data).split("all").read(np.arange(7)), before)
    assert sorted(data.rglob("*")) == files


@pytest.mark.parametrize("archive", [False, True])
def test_celeba_hq(hq, archive):
    if archive:
        zipped(hq / "CelebAMask-HQ")
    dataset = faces("celebahq", hq)
    everything = dataset.split("all")
    assert everything.attributes["Bangs"].tolist() == [False] * 10 + [True, False]  # 10.jpg is the eleventh
    image = everything.read(np.array([10]))[0].float()
    assert image.shape == (3, 256, 256) and image[2].mean() == pytest.approx(200, abs=2)
    assert (image[0, :, :100] - (2 * torch.arange(100.0) + 0.5)).abs().max() <= 3
    blue = {part: dataset.split(part).read(np.array([0]))[:, 2].float().mean() for part in ("train", "valid", "test")}
    assert [len(dataset.split(part)) for part in blue] == [8, 2, 2]
    assert list(blue.values()) == pytest.approx([0, 40, 80], abs=2)


# --- what is wrong ------------------------------------------------------------------------------------


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
    (ATTRIBUTES, lambda file: file.unlink(), "there is no such file"),
    (ATTRIBUTES, edited("000003[^\n]*\n", ""), "has 6 rows, where its first line says 7"),
    (ATTRIBUTES, edited("(000003[^\n]*) -1", r"\1"), "line 5 has 40 columns, expected 41"),
    (ATTRIBUTES, edited("(000003[^\n]*)-1", r"\1 0"), "line 5: holds other values than 1 and -1"),
    (ATTRIBUTES, edited("000004", "000003"), "line 6: '000003.jpg' is named twice"),
    (ATTRIBUTES, edited("000004.jpg", "../../etc/4.jpg"), "line 6: '../../etc/4.jpg' is named twice, or no name"),
    (ATTRIBUTES, edited("7\n", ""), "does not start with a count and the names"),
    (ATTRIBUTES, edited("No_Beard", "Beard"), "does not start with a count and the names"),
    (ATTRIBUTES, to_folder, "is a folder, where a file is expected"),
    (PARTS, to_folder, "is a folder, where a file is expected"),
    (ATTRIBUTES, lambda file: file.write_bytes(b"\xff\xd8\xff\xe0 JPEG"), "cannot be read as text"),
    (PARTS, lambda file: file.unlink(), "there is no such file"),
    (PARTS, edited("000003.jpg 0\n", ""), "has no row for 000003.jpg"),
    (PARTS, edited("000003.jpg 0", "000003.jpg 3"), "line 3: '3' is no split"),
    (PARTS, edited("000003.jpg 0", "000003.jpg"), "line 3 has 1 columns, expected 2"),
    (PHOTOGRAPH, cut, "is damaged, or not the one expected: image file is truncated"),
    (PHOTOGRAPH, lambda file: file.write_bytes(b""), "is damaged, or not the one expected: holds no JPEG image. C"),
    (
        PHOTOGRAPH,
        lambda file: file.write_bytes(b"\x89PNG"),
        "is damaged, or not the one expected: holds no JPEG image. C",
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
    assert "mmlab.ie.cuhk.edu.hk" in text and "--data-dir" in text and "BENCH_DATA" in text and "data/celeba" in text


def test_missing_photographs_are_counted_before_any_is_read(data):
    for name in ALIGNED[2:4]:
        (data / "celeba" / "img_align_celeba" / name).unlink()
    with pytest.raises(DataError, match=r"img_align_celeba: lacks 2 of 4 photographs, 000003.jpg for one\. CelebA is"):
        faces("celeba", data).split("train").read(np.array([0]))
    assert faces("celeba", data).split("test").read(np.array([0])).shape == (1, 3, 64, 64)


@pytest.mark.parametrize("member", ["../outside.jpg", "/outside.jpg", "C:\\outside.jpg", "a\\..\\..\\outside.jpg"])
def test_a_zip_that_leads_elsewhere_is_refused(hq, member):
    file = zipped(hq / "CelebAMask-HQ", extra=member)
    files = sorted(hq.parent.rglob("*"))
    with pytest.raises(DataError) as caught:
        faces("celebahq", hq).split("all")
    assert str(caught.value).startswith(f"{file}: is refused: '{member}' in it leads elsewhere. CelebA-HQ is got")
    assert sorted(hq.parent.rglob("*")) == files


def test_a_damaged_zip_is_named(hq):
    file = zipped(hq / "CelebAMask-HQ")
    content = bytearray(file.read_bytes())
    content[content.find(b"CelebA-HQ-img/3.jpg") + 300] ^= 255
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"CelebA-HQ-img/3\.jpg: is damaged, or not the one expected: Bad CRC-32"):
        faces("celebahq", hq).split("all").read(np.array([3]))
    cut(file)
    with pytest.raises(DataError, match=r"CelebAMask-HQ\.zip: is truncated or no zip archive"):
        faces("celebahq", hq).split("all")


def test_other_sizes_of_celeba_hq(hq):
    folder = hq / "CelebAMask-HQ" / "CelebA-HQ-img"
    (folder / "0.jpg").write_bytes(jpeg(256, 256))
    (folder / "1.jpg").write_bytes(jpeg(300, 300))
    split = faces("celebahq", hq).split("all")
    assert split.read(np.array([0])).shape == (1, 3, 256, 256)
    with pytest.raises(DataError, match=r"1\.jpg: .* has 300 x 300 px; a square of 256, 512 or 1024 px is expected"):
        split.read(np.array([1]))


def test_an_unknown_split(data):
    with pytest.raises(UsageError, match="there is no split 'tran'. Did you mean 'train'"):
        faces("celeba", data).split("tran")


def test_a_mapping_to_other_names_than_celebas_is_refused(hq):
    file = hq / "CelebAMask-HQ" / "CelebA-HQ-to-CelebA-mapping.txt"
    file.write_text(file.read_text().replace("000005.jpg", "5.jpg"))
    with pytest.raises(DataError, match=r"mapping\.txt: line \d+: '5\.jpg' is none of CelebA's"):
        faces("celebahq", hq).split("train")


@pytest.mark.parametrize("name", ["celeba", "celeba128", "celebahq"])
def test_no_data_is_one_error_on_the_command_line(name, tmp_path, bench_cli):
    command = ("pretrain", "--model", "proggan", "--dataset", name, "--results", tmp_path / "runs")
    nowhere, empty = bench_cli(*command), bench_cli(*command, "--data-dir", tmp_path)
    assert nowhere.code == empty.code == 4
    assert "is needed, and no data folder is given (--data-dir, BENCH_DATA). CelebA" in nowhere.err
    assert f"Error: {tmp_path}/celeb" in empty.err.lower().replace("error: ", "Error: ")
    assert "is got" in empty.err and "Traceback" not in nowhere.err + empty.err


# --- the suites for it --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["paper", "paper-hq"])
def test_every_value_of_a_paper_suite_is_valid(name):
    registry = Registry()
    for model, settings in load_suite(name).models.items():
        dataset = registry.get("datasets", settings.dataset)
        config = registry.get("models", model).Config(image_shape=dataset.image_shape, **settings.pretrain)
        assert config.image_shape == dataset.image_shape
        assert set(settings.features) <= set(dataset.features)
        for method, params in settings.methods.items():
            assert (
                method_params(registry.get("methods", method).Config, params, {}, method).model_dump().items()
                >= {**params}.items()
            )


def test_the_paper_s_iterations():
    models = load_suite("paper").models
    for left in (171_890, 169_158):  # Table 1: without bangs, without beards
        for model in ("vdvae", "proggan"):
            steps = models[model].methods["retrain"]["epochs"] * (left // models[model].pretrain["batch_size"])
            assert steps == pytest.approx(96_000, rel=0.01)


SUITE = """
[models.proggan]
dataset = "celeba128"
[models.vdvae]
dataset = "celeba"
"""


def test_table_1_counts_every_image_once_from_the_attribute_file(data, tmp_path, bench_cli):
    (data / "celeba" / "img_align_celeba").rename(data / "elsewhere")
    (tmp_path / "faces.toml").write_text(SUITE)
    options = ("--suite", tmp_path / "faces.toml", "--data-dir", data, "--results", tmp_path / "runs")
    done = bench_cli("table", "1", *options, "--formats", "csv", "--out", tmp_path)
    assert done.code == 0, done.err
    frame = pd.read_csv(next(tmp_path.glob("table*1.csv")))
    counts = frame.set_index(["feature", "metric"])["mean"].to_dict()
    assert counts == {
        ("bang", "target_images"): 3, ("bang", "non_target_images"): 4,
        ("beard", "target_images"): 2, ("beard", "non_target_images"): 5,
    }  # fmt: skip
    assert set(frame["paper"]) == {30_709, 171_890, 33_441, 169_158}
    wrong = bench_cli("table", "1", *options, "--out", tmp_path, "--model", "vdvea")
    assert wrong.code == 4 and wrong.err.startswith("Error: --model: there is no model 'vdvea'. Did you mean 'vdvae'?")


def test_table_1_of_one_model_reads_no_other_s_data(data, tmp_path, bench_cli):
    (tmp_path / "both.toml").write_text(SUITE + '[models.vae]\ndataset = "mnist"\n')
    options = ("--suite", tmp_path / "both.toml", "--data-dir", data, "--results", tmp_path / "runs", "--out", tmp_path)
    done = bench_cli("table", "1", *options, "--formats", "csv", "--model", "proggan")
    frame = pd.read_csv(tmp_path / "table-1.csv")
    assert done.code == 0 and set(frame["model"]) == {"celeba128"} and frame["mean"].notna().all()
