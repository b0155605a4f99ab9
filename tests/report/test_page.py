"""`bench report`: one file from stored cells, in which every number leads to its record and nothing asks for anything."""

from __future__ import annotations

import io
import json
import re
import zlib
from hashlib import sha256

import numpy as np
import pytest
from made_records import made_record
from PIL import Image
from rights import forbidden

from bench.core import sealed
from bench.core.files import file_sha256
from bench.registry import Registry
from bench.report.page import curves, plots
from bench.report.page.cells import gather
from bench.report.page.making import make_report
from bench.report.page.rows import rows_of
from bench.report.page.strips import strip_of
from bench.report.tables.published import read_published
from bench.workspace.store.store import Store

METRICS = {
    "target_ratio": (0.01, False, True), "fid[digits]": (7.0, False, False), "roc_auc": (0.93, True, True),
    "retain_change": (0.02, False, True), "attribute_shift[area]": (-0.03, None, True), "attribute_shift": (0.03, False, False),
}  # fmt: skip


def measurement(name, value, better, interval):
    spread = {"low": value - 0.002, "high": value + 0.002} if interval else {}
    return {"value": value, "n": 1000, "higher_is_better": better, "source": "made up", "metric": name, **spread}


def store_cell(root, method="ours", seed=0, number=0, *, picture=False, scale=1.0, **changed):
    """Store a cell of a VAE with made-up numbers, and with a picture where the record has one."""
    key = f"{number:04x}{seed:04x}{zlib.crc32(method.encode()):08x}" + "0" * 48
    metrics = {n: measurement(n, v * scale * (1 + 0.05 * seed), better, ci) for n, (v, better, ci) in METRICS.items()}
    folder = root / f"{method}-vae-slant-s{seed}-{key[:16]}"
    folder.mkdir(parents=True)
    artefacts = {}
    if picture:
        columns = np.repeat(np.arange(4, dtype=np.uint8) * 60, 60)  # four rows, each of one grey
        Image.fromarray(np.repeat(columns[:, None], 600, 1)).save(folder / "before-after.png")
        artefacts = {"picture": {"file": "before-after.png", "sha256": file_sha256(folder / "before-after.png")}}
    timings = {"unlearn": {"seconds": 3.5 + seed, "peak_memory_mb": 400}}
    fields = {
        "key": key,
        "method": method,
        "seed": seed,
        "metrics": metrics,
        "timings": timings,
        "artefacts": artefacts,
    }
    stages = {"unlearn": sha256(f"{method} {changed.get('trained', seed)} {number}".encode()).hexdigest()}
    record = made_record(stages=stages, **{**fields, **{n: v for n, v in changed.items() if n != "trained"}})
    sealed.write(folder / "result.json", record.model_dump(mode="json"))
    return record


@pytest.fixture
def runs(tmp_path):
    """Return a folder of results: two methods on four seeds, a curve of alpha, failures, and a stopped cell."""
    root = tmp_path / "runs"
    for seed in range(4):
        store_cell(root, "ours", seed, picture=True)
        store_cell(root, "retrain", seed, scale=3.0)
    for number, alpha in enumerate((1.0, 3.0, 5.0), 1):
        store_cell(root, "probe", 0, number, params={"alpha": alpha})
    reason = "needs the <encoder>, which these weights do not have"
    store_cell(
        root, "broken", 0, status="failed", reason="ValueError: <script>alert(1)</script>\nTraceback", metrics={}
    )
    store_cell(root, "idle", 0, status="skipped", reason=reason, metrics={})
    (root / f"ours-vae-slant-s9-{'c' * 16}").mkdir()
    return root


@pytest.fixture
def report(runs, tmp_path):
    path, _ = make_report([runs], tmp_path / "report.html", Registry())
    return path


@pytest.fixture
def text(report):
    return report.read_text()


def test_it_asks_for_nothing(text):
    addresses = re.findall(r'(?:src|href|action|poster|data|srcset)="([^"]*)"', text)
    assert {a.partition(":")[0] if a.startswith("data:") else a[:1] for a in addresses} <= {"data", "#"}
    assert not re.search(r"url\((?!#)|@import|<link(?! rel=\"icon\" href=\"data:)|<iframe|fetch\(|XMLHttpRequest", text)
    assert "default-src 'none'" in text


def test_every_number_leads_to_its_record(text, runs):
    anchors = set(re.findall(r'<details id="(cell-[0-9a-f]{16})"', text))
    assert len(anchors) == 11 == len({record.key for _, record in Store(runs).records() if record.status == "ok"})
    body = text[text.index("<tbody>") : text.index("</tbody>")]
    for cell in re.findall(r'<td data-sort="([^"]*)">(.*?)</td>', body, re.S):
        assert cell[0] == "" or re.search(r'<a href="#(cell-[0-9a-f]{16})">', cell[1])[1] in anchors
    assert set(re.findall(r'href="#(cell-[0-9a-f]+)"', text)) == anchors


def test_the_numbers_are_the_records_with_intervals_and_the_paper_s_value(text):
    row = re.search(r'<tr><th scope="row" data-sort="ours">.*?</tr>', text, re.S)[0]
    first = re.search(r'<td data-sort="0.01075">(.*?)</td>', row, re.S)[1]
    assert "0.0108" in first and "± 0.0006" in first and "(0.0091)" in first and "[0.0088, 0.0128]" in first
    assert "<b>" in first, "three times less is left than by retrain"
    assert "<b>" not in re.search(r'data-sort="retrain">.*?</td>', text, re.S)[0]


def test_a_training_that_several_seeds_share_counts_once(tmp_path):
    for seed in range(5):
        store_cell(tmp_path, "retrain", seed, trained=seed % 3)
    cells = gather([tmp_path]).cells
    rows = rows_of(cells, read_published(Registry()), Registry())
    (row,) = (row for row in rows if row.metric == "target_ratio")
    assert row.seeds == 3 and [*row.by_seed] == [0, 1, 2]


def test_a_number_that_the_first_seed_of_a_training_lacks_is_taken_from_the_next(tmp_path):
    for seed in range(4):
        more = {"metrics": {}} if seed == 0 else {}
        store_cell(tmp_path, "retrain", seed, trained=seed % 2, **more)
    rows = rows_of(gather([tmp_path]).cells, read_published(Registry()), Registry())
    (row,) = (row for row in rows if row.metric == "target_ratio")
    assert row.seeds == 2 and sorted(row.by_seed) == [1, 2] and row.note == ""


def test_two_cells_of_a_seed_that_only_their_code_tells_apart_are_two_variants(tmp_path):
    for number, commit in enumerate(("a" * 40, "b" * 40)):
        record = store_cell(tmp_path, "ours", 0, number)
        machine = record.provenance.machine.model_copy(update={"git_commit": commit})
        provenance = record.provenance.model_copy(update={"machine": machine})
        record = record.model_copy(update={"provenance": provenance})
        sealed.write(tmp_path / f"ours-vae-slant-s0-{record.key[:16]}" / "result.json", record.model_dump(mode="json"))
    assert [cell.label for cell in gather([tmp_path]).cells] == ["commit=aaaaaaa", "commit=bbbbbbb"]


def test_failed_and_skipped_cells_have_their_reason_and_are_escaped(text):
    others = text[text.index('id="others"') : text.index('id="records"')]
    assert "ValueError: &lt;script&gt;alert(1)&lt;/script&gt;" in others and "<script>alert" not in text
    assert "needs the &lt;encoder&gt;, which these weights do not have" in others
    assert "it was stopped; run the same command again to resume" in others


def test_plots_and_their_pdfs(text):
    titles = re.findall(r'<figure class="plot"><h3>(.*?)</h3>', text)
    assert titles == ["Removal against damage", "The weight alpha", "What else moved"]
    assert text.count('href="data:application/pdf;base64,JVBERi0') == 3  # "%PDF-"
    scatter = text[text.index("<svg") : text.index("</svg>")]
    assert len(set(re.findall(r'xlink:href="#(cell-[0-9a-f]+)"', scatter))) == 11
    identifiers = re.findall(r'<[a-z]+ [^>]*?\bid="([^"]+)"', text)
    assert len(identifiers) == len(set(identifiers))


def test_the_same_cells_give_the_same_file(runs, report, tmp_path):
    again, _ = make_report([runs, runs], tmp_path / "again.html", Registry())
    assert again.read_text().replace(f"{runs}, {runs}", str(runs)) == report.read_text()


def test_a_picture_is_cut_into_before_and_after(runs):
    import base64

    strip = next(strip_of(cell) for cell in gather([runs]).cells if cell.record.method == "ours")
    assert (strip.width, strip.height, strip.rows) == (600, 120, 2)
    greys = []
    for address in (strip.before, strip.after):
        picture = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("L")
        greys += [picture.getpixel((300, 30)), picture.getpixel((300, 90))]
    assert greys == pytest.approx([0, 120, 60, 180], abs=4)


def test_a_picture_that_was_changed_is_left_out(runs):
    cell = next(cell for cell in gather([runs]).cells if cell.record.method == "ours")
    (cell.folder / "before-after.png").write_bytes(b"other")
    assert strip_of(cell) is None


def test_how_consistent_the_clicks_were(tmp_path):
    record = made_record()
    feedback = {"count": 500, "positives": 70, "repeats": {"pairs": 20, "agreeing": 19}}
    provenance = record.provenance.model_dump() | {"feedback": feedback}
    store_cell(tmp_path / "runs", provenance=provenance)
    path, _ = make_report([tmp_path / "runs"], tmp_path / "report.html", Registry())
    assert (
        "70 of 500 samples were clicked by a person. Of 20 seen twice, 19 were answered alike: about 2.6 % of the clicks "
        "are mistaken (95 % interval" in path.read_text()
    )


def test_how_much_there_was_before_and_how_good_the_learnt_judge_is(tmp_path):
    learnt = {
        "learnt_target_ratio": 0.02, "original_learnt_target_ratio": 0.2, "learnt_agreement": 0.95, "learnt_resolution": 0.01,
    }  # fmt: skip
    for seed in range(2):
        metrics = {name: measurement(name, value * (1 + 0.02 * seed), False, True) for name, value in learnt.items()}
        metrics["original_clicked_ratio"] = measurement("original_clicked_ratio", 0.25, False, True)
        store_cell(tmp_path / "runs", "ours", seed, metrics=metrics)
    path, _ = make_report([tmp_path / "runs"], tmp_path / "report.html", Registry())
    text = path.read_text()
    assert "Before unlearning: learnt_target_ratio 0.2000 to 0.2040, of 1,000 fresh images." in text
    assert (
        "Before unlearning: clicked_ratio 0.2500 [0.2480, 0.2520], of 1,000 images that the clicks are about, not fresh"
        in text
    )
    assert "by 0.95 to 0.97 (1 is always, 0.5 is chance), and cannot tell a share below 0.010 from none." in text


def test_the_axis_of_curves_holds_the_places_of_all(runs):
    cell = gather([runs]).cells[0]
    drawn = [
        curves.Curve(name, [curves.Point(x, 0.1, cell) for x in places])
        for name, places in (("long", (1, 10, 1000)), ("short", (3, 4)))
    ]
    axes = plots.lines(drawn, "steps", "target ratio").axes[0]
    assert axes.get_xscale() == "log" and [*axes.get_xticks()] == [1, 3, 4, 10, 1000]


def test_a_curve_from_zero_has_its_zero_on_the_axis(runs):
    cell = gather([runs]).cells[0]
    axes = plots.lines(
        [curves.Curve("ours", [curves.Point(x, 0.1, cell) for x in (0, 1, 30)])], "alpha", "target ratio"
    ).axes[0]
    assert axes.get_xscale() == "linear" and [*axes.get_xticks()] == [0, 1, 30] and axes.get_xlim()[0] < 0


def test_curves_need_three_values_and_nothing_else_that_differs(runs):
    cells = gather([runs]).cells
    (curve,) = curves.against(cells, "target_ratio", "alpha")
    assert [point.x for point in curve.points] == [1, 3, 5] and curve.name == "probe"
    assert curves.against(cells, "target_ratio", "clicks") == []


def test_the_roc_curve_is_of_the_samples_that_are_stored(runs):
    """The judge's attribute is found by its count; the curve's area is that of the scores."""
    rng = np.random.default_rng(0)
    scores, truth = rng.normal(size=1000), rng.normal(size=(1024, 3))
    truth[:1000, 1] += scores
    cut = float(np.sort(truth[:1000, 1])[-90])
    judge = {"name": "j", "weights": None, "sha256": None, "threshold": cut, "balanced_accuracy": {}}
    oracle = {"name": "j", "threshold": cut, "feedback": judge, "evaluation": judge}
    record = made_record()
    provenance = record.provenance.model_dump() | {"oracle": oracle}
    weights = {"weights": {"file": "w", "sha256": "0"}}
    metrics = {"original_target_ratio": measurement("original_target_ratio", 0.09, False, True)}
    record = store_cell(runs, "fitted", 0, provenance=provenance, artefacts=weights, metrics=metrics)
    store = Store(runs)
    for name, arrays in (("original", {"scores": truth}), ("columns", {"identifier_scores": scores})):
        folder = store.stage(name, record.stages[name])
        folder.mkdir(parents=True)
        np.savez(folder / "columns.npz", **arrays)
    cell = next(cell for cell in gather([runs]).cells if cell.record.method == "fitted")
    false, true = curves.roc(cell)
    labels = truth[:1000, 1] >= cut
    above = (scores[labels][:, None] > scores[~labels]).mean()
    assert np.trapezoid(true, false) == pytest.approx(above, abs=1e-3)
    with forbidden(folder):
        assert curves.roc(cell) is None, "what may not be read is left out"
    whole, other = (folder / "columns.npz").read_bytes(), io.BytesIO()
    np.save(other, scores)
    middle = len(whole) // 2
    changed = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    for damaged in (b"", b"garbage", whole[:100], whole[:-100], changed, other.getvalue()):
        (folder / "columns.npz").write_bytes(damaged)
        assert curves.roc(cell) is None, "what is damaged is left out"


# --- the command --------------------------------------------------------------------------------------------


def test_the_command(bench_cli, runs, tmp_path):
    done = bench_cli("report", "--results", runs, "--results", runs, "--out", tmp_path / "r.html")
    assert (done.code, done.out) == (0, f"{tmp_path / 'r.html'}: 11 cells, 3 without a result\n")


@pytest.mark.parametrize(
    ("out", "message"),
    [("r.pdf", "expected the name of a file, as report.html"), ("file/r.html", "cannot be written")],
)
def test_where_it_cannot_be_written(bench_cli, runs, tmp_path, out, message):
    (tmp_path / "file").write_text("")
    done = bench_cli("report", "--results", runs, "--out", tmp_path / out)
    assert done.code == 4 and f"--out {tmp_path / out}: {message}" in done.err


def test_a_folder_that_is_not_there_and_one_without_results(bench_cli, tmp_path):
    done = bench_cli("report", "--results", tmp_path / "none", "--out", tmp_path / "r.html")
    assert done.code != 0 and f"--results {tmp_path / 'none'}: no such folder" in done.err
    (tmp_path / "empty").mkdir()
    done = bench_cli("report", "--results", tmp_path / "empty", "--out", tmp_path / "r.html")
    assert done.code == 5 and "There is no result in these folders yet" in (tmp_path / "r.html").read_text()


# --- in a browser ---------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1300])
def test_who_cannot_see_and_who_has_a_telephone(report, new_tab, violations, width, scheme):
    tab = new_tab(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab.goto(report.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    assert violations(tab) == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= width, "nothing is cut off"


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_shadow_says_that_the_table_scrolls(report, new_tab, tmp_path, scheme):
    tab = new_tab(viewport={"width": 500, "height": 900}, color_scheme=scheme)
    tab.goto(report.as_uri())
    table, edges = tab.locator(".scroll").first, []
    for left in (0, 99_999):
        table.evaluate("(box, left) => { box.scrollLeft = left }", left)
        picture = np.asarray(Image.open(table.screenshot(path=tmp_path / f"{left}.png") and tmp_path / f"{left}.png").convert("L"))  # fmt: skip  # noqa: E501
        edges.append(float(np.median(picture[:, -3])))
    assert abs(edges[0] - edges[1]) > 40, "only while columns are hidden"


@pytest.mark.browser
def test_sorting_filtering_sliding_and_going_to_a_record(report, new_tab):
    tab = new_tab()
    tab.goto(report.as_uri())
    names = lambda: [name.splitlines()[0] for name in tab.locator("table.sortable").first.locator("tbody tr:visible th").all_inner_texts()]  # fmt: skip  # noqa: E501, E731
    head = tab.locator("table.sortable").first.get_by_role("button", name=re.compile("target_ratio"))
    head.focus()
    tab.keyboard.press("Enter")
    assert names()[-1] == "retrain" and tab.locator("th[aria-sort=ascending]").count() == 1
    tab.keyboard.press("Enter")
    assert names()[0] == "retrain" and tab.locator("th[aria-sort=descending]").count() == 1
    tab.get_by_label("Filter rows").fill("probe, retr")
    assert set(names()) == {"retrain", "probe, alpha=1.0", "probe, alpha=3.0", "probe, alpha=5.0"}
    assert tab.locator("#nothing").inner_text() == ""
    tab.get_by_label("Filter rows").fill("no such method")
    assert names() == [] and tab.locator("#nothing").inner_text() == "nothing matches"
    tab.get_by_label("Filter rows").fill("")
    assert tab.locator("#nothing").inner_text() == ""
    slider = tab.get_by_label("Before to after, ours")
    slider.focus()
    tab.keyboard.press("Home")
    clip = lambda: tab.locator(".strip .after").first.evaluate("(image) => getComputedStyle(image).clipPath")  # noqa: E731
    assert clip() == "inset(0px 0px 0px 100%)"
    tab.keyboard.press("End")
    assert clip() in ("inset(0px 0px 0px 0%)", "inset(0px)")
    tab.locator("tbody td a").first.click()
    details = tab.locator("details[open]")
    assert details.count() == 1
    assert json.loads(details.locator("pre").inner_text())["method"] in ("ours", "probe", "retrain")


@pytest.mark.browser
def test_it_can_be_printed_and_read_without_javascript(report, new_tab, tmp_path):
    tab = new_tab(java_script_enabled=False)
    tab.goto(report.as_uri())
    assert tab.locator(".strip .after").first.is_visible() and not tab.get_by_label("Filter rows").is_visible()
    tab.emulate_media(media="print")
    assert not tab.locator("header").is_visible() and not tab.locator("#records").is_visible()
    assert tab.pdf(path=tmp_path / "printed.pdf")[:5] == b"%PDF-"
