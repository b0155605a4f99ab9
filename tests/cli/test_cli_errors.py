"""Golden messages: what was wrong, what was allowed, the flag; exit code 4; never a traceback."""

from __future__ import annotations

import json
import re

import pytest

RUN = {"--method": "ours", "--model": "vae", "--feature": "thickness"}


@pytest.fixture
def refused(bench_cli, tmp_path):
    """Call a command that must be refused; returns what it says, without "Error: "."""

    def call(*argv):
        done = bench_cli(*argv, *(() if argv[0] in ("sample", "show", "check", "new", "list") else ("--results", tmp_path / "runs")))  # fmt: skip  # noqa: E501
        assert done.code == 4, (done.out, done.err)
        assert done.err.startswith("Error: ") and "Traceback" not in done.err and done.out == ""
        assert not (tmp_path / "runs").exists(), "a refused command leaves nothing"
        return done.err.removeprefix("Error: ").rstrip("\n")

    return call


def run(*more, **changed):
    given = {**RUN, **{f"--{name}": value for name, value in changed.items()}}
    return ["run", *(part for pair in given.items() for part in pair), *more]


# --- names --------------------------------------------------------------------------------------------


def test_unknown_method(refused):
    assert re.fullmatch(
        r"--method: unknown method 'orus'\. Did you mean 'ours'\? Known: (\w+, )*latent_edit, original, ours, .*\.",
        refused(*run(method="orus")),
    )


def test_unknown_method_in_a_list(refused):
    assert refused(*run(method="ours,origina")).startswith(
        "--method: unknown method 'origina'. Did you mean 'original'?"
    )


def test_unknown_model(refused):
    assert re.fullmatch(
        r"--model: unknown model 'vea'\. Did you mean 'vae'\? Known: (\w+, )*vae(, \w+)*\.",
        refused(*run(model="vea")),
    )


def test_an_empty_weights_option_is_not_the_shipped_original(refused):
    """`--weights "$UNSET"` must not unlearn the shipped generator."""
    assert refused(*run("--weights", "")).startswith("--weights: is empty. ")


def test_a_model_the_suite_does_not_know(refused, bars):
    assert refused(*run("--plugins", bars.folder.path, model="bars")).startswith(
        "--model bars: no weights for this model. "
    )
    assert refused(*run("--plugins", bars.folder.path, "--weights", bars.weights, model="bars")).startswith(
        "--feedback: data set 'own' has no oracle that could click on samples of 'bars'. "
    )


def test_a_plan_has_no_records_to_print(refused):
    assert refused(*run(), "--dry-run", "--json").startswith("--json prints stored records, and --dry-run has none")


def test_a_missing_plugin_folder_is_named_with_an_unknown_name(refused):
    assert refused(*run(method="my_idea")).endswith(" To use your own plug-ins: --plugins DIR.")


OF_MNIST = f"Known: {', '.join(f'digit={value}' for value in range(10))}, slant, thickness."


def test_unknown_feature(refused):
    assert refused(*run(feature="thicknes")) == (
        "--feature (data set 'mnist'): unknown feature 'thicknes'. Did you mean 'thickness'? " + OF_MNIST
    )


def test_a_feature_of_another_data_set(refused):
    assert refused(*run(feature="beard")) == (
        "--feature (data set 'mnist'): unknown feature 'beard'. "
        + OF_MNIST
        + (" Models whose data set has it: --model proggan or vdvae.")
    )


def test_an_empty_setting_of_the_weights_is_told(refused):
    assert refused(*run("--set", "weights=")).startswith(
        "--set: 1 wrong value(s)\n  weights: is empty. Name a zoo name"
    )


PICKY = """
from bench.api import DataError, Dataset, hookimpl

class Picky(Dataset):
    image_shape = (1, 28, 28)
    classifier = "ink"
    label = "picky (test)"

    @property
    def features(self):
        raise DataError("its files are not here")

    def split(self, name):
        raise DataError("its files are not here")

@hookimpl
def register_datasets(register):
    register(Picky)
"""


def test_an_unknown_feature_is_told_though_another_data_set_cannot_say_what_it_has(refused, plugins, tmp_path):
    plugins.write("picky", PICKY)
    (tmp_path / "mine.toml").write_text('extends = "lite"\n[models.bars]\ndataset = "picky"\n')
    more = ("--suite", tmp_path / "mine.toml", "--plugins", plugins.path)
    assert refused(*run(*more, feature="beard")).endswith("--model proggan or vdvae.")
    assert refused(*run(*more, feature="nose")).startswith("--feature (data set 'mnist'): unknown feature 'nose'.")


def test_a_feature_that_only_clicks_know(refused, tmp_path):
    (tmp_path / "clicks.json").write_text("{}")
    told = refused(*run("--feedback", tmp_path / "clicks.json", feature="scar"))
    assert told.endswith("A feature that no data set knows is removed by clicks alone: --dataset own.")


def test_a_name_that_no_feature_can_have_is_all_that_is_told(refused, bars, tmp_path):
    (tmp_path / "clicks.json").write_text("{}")
    more = ("--feedback", tmp_path / "clicks.json", "--dataset", "own", "--plugins", bars.folder.path)
    told = refused(*run(*more, "--weights", bars.weights, feature="a/b c", model="bars"))
    assert told.startswith("--feature a/b c: may contain only letters") and told.endswith("a digit or '_'")


def test_labels_that_contain_commas_are_quoted(refused):
    assert "Known: 'adapt_then_unlearn', " in (told := refused("table", "2", "--only", "nope"))
    assert ", 'ours', 'ours, keep Male', 'ours, logistic', " in told


def test_unknown_data_set(refused):
    assert refused(*run(dataset="mnits")).startswith("--dataset: unknown data set 'mnits'. Did you mean 'mnist'?")


def test_unknown_suite(refused):
    assert refused(*run(suite="lit")).startswith(
        "--suite: unknown suite 'lit'. Did you mean 'lite'? Known: celeba, lite, "
    )
    assert refused(*run(suite="nowhere.toml")) == "--suite nowhere.toml: no such file"


def test_unknown_table(refused):
    assert refused("table", "22").startswith("NAME: unknown table '22'. Did you mean '2'? Known: 1, 2, 3")


def test_unknown_formats(refused):
    assert refused("table", "3", "--formats", "csv,pdf") == "--formats pdf: expected some of csv,latex,html"


def test_unknown_plug_in_to_show(refused, bench_cli):
    assert refused("show", "our").startswith("NAME: unknown plug-in 'our'. Did you mean 'ours'? Known: ")
    shown = bench_cli("show", "ours")
    assert shown.code == 0 and "alpha" in shown.out and "weight of L_unlearn and L_percep" in shown.out


def test_unknown_metric_and_extractor(refused):
    assert refused(*run("--set", "evaluation.metrics=fidelty")).startswith(
        "--set evaluation.metrics: unknown metric 'fidelty'. Did you mean 'fidelity'?"
    )
    assert refused(*run("--set", "evaluation.extractors=digit")).startswith(
        "--set evaluation.extractors: unknown extractor 'digit'. Did you mean 'digits'?"
    )
    assert refused(*run("--set", "evaluation.extractors=morpho_mnist")) == (
        "--set evaluation.extractors: 'morpho_mnist' is a classifier, not an extractor. Known: digits, faces, imagenet, inception."
    )


# --- values -------------------------------------------------------------------------------------------


def test_all_wrong_parameters_at_once(refused):
    text = refused(*run("-p", "alhpa=3", "-p", "lr=2", "-p", "epochs=0", "-p", "threshold=median"))
    assert "-p (methods ours): unknown parameter 'alhpa'. Did you mean 'alpha'? Known: alpha, " in text
    assert text.splitlines()[1:] == [
        "-p lr: '2' should be less than 1. For instance: -p lr=0.001",
        "-p epochs: '0' should be greater than or equal to 1. For instance: -p epochs=200",
        "-p threshold: 'median' should be 'mean' or 'midpoint'. Did you mean -p threshold=mean?",
    ]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "alpha=1,3,5",
            "'1,3,5' is read as one value, and should be a valid number. For a grid write -p alpha=1//3//5",
        ),
        ("lr=fast", "'fast' should be a valid number. For instance: -p lr=0.001"),
        ("lr=nan", "'nan' should be a finite number. For instance: -p lr=0.001"),
        ("alpha=inf", "'inf' should be a finite number. For instance: -p alpha=3.0"),
        (
            "epochs=1.5",
            "'1.5' should be a valid integer, got a number with a fractional part. For instance: -p epochs=200",
        ),
        ("epochs=", "'' should be a valid integer. For instance: -p epochs=200"),
        ("unlearn_term=perhaps", "'perhaps' should be a valid boolean. For instance: -p unlearn_term=true"),
        ("layers=x", "'x' should be a valid integer. Separate the elements of a list by commas: -p layers=A,B"),
    ],
)
def test_a_wrong_parameter(value, message, refused):
    assert refused(*run("-p", value)) == f"-p {value.split('=')[0]}: {message}"


def test_parameters_that_do_not_go_together(refused):
    text = refused(*run("-p", "step=raw", "-p", "direction=logistic"))
    assert text.startswith("-p (method 'ours'): step=raw needs direction=mean_difference")
    text = refused(*run("-p", "step=raw", "-p", "direction=logistic", "-p", "lr=2", method="ours"))
    assert text == "-p lr: '2' should be less than 1. For instance: -p lr=0.001", "first what is wrong by itself"


@pytest.mark.parametrize(
    ("method", "params", "message"),
    [
        ("ours", ("keep_rule=splince",), "keep_rule=splince says how attributes are kept, and keep names none: name some"),
        ("ours", ("mask_share=0.5", "lora_rank=2"), "mask_share=0.5 freezes weights of the generator, and lora_rank=2"),
        ("surrogate", ("safe_ratio=1.5",), "safe_ratio=1.5 is less than flag_ratio=2.0, so that some flagged samples"),
        ("stored", ("weights=nowhere",), "weights=nowhere: the file was not found. Name that of a stored cell: -p weights="),
        ("interpolate", ("weights=x.pth",), "weights=x.pth: the file was not found. Name that of a stored cell"),
    ],
)  # fmt: skip
def test_what_says_nothing_or_contradicts_is_refused(method, params, message, refused):
    text = refused(*run(*(part for each in params for part in ("-p", each)), method=method))
    assert text.startswith(f"-p (method '{method}'): {message}") and "\n" not in text


def test_what_is_wrong_for_several_methods_is_told_once(refused):
    """Line by line: what only one of them refuses is told too, and details stay under the method they belong to."""
    text = refused(*run("-p", "lr=2", "-p", "hidden=0", "-p", "nothing=1", method="ours,probe"))
    assert [line.partition(": ")[0] for line in text.splitlines()] == ["-p (methods ours, probe)", "-p lr", "-p hidden"]
    text = refused(*run("-p", "step=raw", "-p", "direction=logistic", method="ours,latent_edit"))
    (first, why), (second, again) = (line.split("): ", 1) for line in text.splitlines())
    assert ("'ours'" in first and "'latent_edit'" in second) and why == again and "step=raw needs" in why


@pytest.mark.parametrize("text", ["alpha", "=3"])
def test_an_assignment_that_is_none(text, refused):
    assert refused(*run("-p", text)) == f"-p {text}: expected name=value"


def test_a_parameter_given_twice(refused):
    assert refused(*run("-p", "alpha=1", "-p", "alpha=2")) == (
        "-p alpha: given twice. Give it once; where a grid is allowed, write -p alpha=1//2"
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("feedback.count=1", "feedback.count: should be greater than or equal to 2 (got 1)"),
        (
            "feedback.cout=5",
            "feedback.cout: unknown field. Did you mean 'count'?",
        ),
        (
            "feedbak.count=5",
            "feedbak: unknown field. Did you mean 'feedback'?",
        ),
        ("evaluation.count=many", "evaluation.count: should be a valid integer"),
        ("feedback=3", "feedback: should be a table of fields (got 3)"),
        ("feedback.count.x=3", "--set feedback.count.x: 'count' is a single value and has no fields"),
        ("weights.x=3", "--set weights.x: 'weights' is a single value and has no fields"),
        ("evaluation", "--set evaluation: expected name=value"),
    ],
)
def test_a_wrong_setting(value, message, refused):
    text = refused(*run("--set", value))
    assert message in text and text.startswith("--set")


def test_all_wrong_settings_at_once(refused):
    text = refused(*run("--set", "feedback.count=1", "--set", "evaluation.count=0"))
    assert text.startswith("--set: 2 wrong value(s)\n") and "feedback.count" in text and "evaluation.count" in text


@pytest.mark.parametrize("seeds", ["a", "1,b", "-1", "1-", "1.5"])
def test_bad_seeds(seeds, bench_cli, tmp_path):
    done = bench_cli(*run("--results", tmp_path, seed=seeds))
    assert done.code == 4 and f"'{seeds}' is not a list of seeds. Write 0,1,2 or 0-4" in done.err


@pytest.mark.parametrize("seed", ["a", "-1", "-3", "0-4", "1.5", "9" * 101, "9" * 5000])
@pytest.mark.parametrize("argv", [("pretrain", "--model", "vae"), ("figure", "4", "--model", "vae", "--dry-run")])
def test_a_bad_seed_of_a_command_that_takes_one(argv, seed, bench_cli, tmp_path):
    done = bench_cli(*argv, "--results", tmp_path / "runs", "--seed", seed)
    assert done.code == 4 and "is not a seed. Write a whole number from 0 on" in done.err and len(done.err) < 500
    assert not (tmp_path / "runs").exists() and not (tmp_path / "pretrained").exists()


@pytest.mark.parametrize("seeds", ["0-99999999999", "0-9999,10000", "5-10005", "0-" + "9" * 50])
def test_too_many_seeds_are_told_at_once(seeds, bench_cli, tmp_path):
    done = bench_cli(*run("--results", tmp_path, seed=seeds))
    assert done.code == 4 and "seeds, at most 10,000 in one command" in done.err and len(done.err) < 500


def test_a_seed_of_too_many_digits_is_not_printed_whole(bench_cli, tmp_path):
    for seed in ("9" * 101, "9" * 5000):
        done = bench_cli(*run("--results", tmp_path, seed=seed))
        assert done.code == 4 and "is not a list of seeds" in done.err and len(done.err) < 500


@pytest.mark.parametrize(("seeds", "cells"), [("0,0", 1), ("0-2,1", 3), ("1,0", 2), (str(10**30), 1), (str(2**64), 1)])
def test_a_seed_named_twice_is_run_once(seeds, cells, bench_cli, tmp_path):
    done = bench_cli(*run("--results", tmp_path, seed=seeds), "--show-config")
    assert done.code == 0 and len(done.out.splitlines()) == cells


@pytest.mark.parametrize("key", ["feedback.count", "evaluation.count"])
@pytest.mark.parametrize("count", ["1000001", "100000000", "1" + "0" * 22, "9" * 5000])
def test_counts_have_a_maximum(key, count, refused):
    text = refused(*run("--set", f"{key}={count}"))
    assert text.startswith("--set: 1 wrong value(s)\n") and key in text and len(text) < 500
    assert "should be less than or equal to 1000000" in text or len(count) > 4300


def test_a_grid_that_would_fill_the_memory_is_told_at_once(refused):
    grid = [f"{name}={'//'.join(str(n) for n in range(2, 402))}" for name in ("epochs", "batch_size", "alpha")]
    text = refused(*run("-p", grid[0], "-p", grid[1], "-p", grid[2]))
    assert text == "-p: the grid has 64,000,000 combinations; at most 100,000 in one command"
    text = refused(*run("-p", "epochs=" + "//".join(str(n) for n in range(2, 102)), seed="0-9999"))
    assert text.endswith("name 1,000,000 cells; at most 100,000 in one command")


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000, "{a=" * 200 + "1" + "}" * 200, "0x" + "f" * 5000])
@pytest.mark.parametrize("flag", ["-p epochs", "-p alpha", "-p keep", "--set pretrain.epochs", "--set features"])
def test_a_value_that_python_cannot_hold(flag, value, refused):
    option, name = flag.split()
    text = refused(*run(option, f"{name}={value}"))
    assert (option in text or "--feature" in text) and len(text) < 1000


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("methods.ours.epochs=x", "methods.ours.epochs: should be a valid integer (got 'x')"),
        ("methods.ours.epochs=0", "methods.ours.epochs: should be greater than or equal to 1 (got 0)"),
        ("methods.ours.epoch=3", "methods.ours.epoch: unknown field. Did you mean 'epochs'?"),
        ("methods.probe.nope=3", "methods.probe.nope: unknown field. Known:"),
        ('methods.ours={epochs="x"}', "methods.ours.epochs: should be a valid integer (got 'x')"),
        ("methods={ours={epoch=3}}", "methods.ours.epoch: unknown field. Did you mean 'epochs'?"),
        ("methods.ours.landing=reflct", "(got 'reflct'). Did you mean 'reflect'?"),
        ("methods.ours.keep=area,area", "methods.ours.keep: names area twice"),
        ("methods.ourz.epochs=3", "--set methods: unknown method 'ourz'. Did you mean 'ours'?"),
        ("methods.ours=3", "methods.ours: should be a table of fields (got 3)"),
        ("student.epochs=x", "student: epochs: should be a valid integer"),
        ("pretrain.nope=3", "pretrain.nope: unknown field. Known:"),
        ("pretrain.lr=fast", "pretrain.lr: should be a valid number (got 'fast')"),
        ("pretrain={nope=3}", "pretrain.nope: unknown field. Known:"),
        ("oracle.pretrain.lr=1", "oracle.pretrain: has no effect"),
        ("evaluation.extractors=digits,digits", "evaluation.extractors: names digits twice"),
        ("evaluation.metrics=fidelity,fidelity", "evaluation.metrics: names fidelity twice"),
        ("features=slant,slant", "features: names slant twice"),
        ("features=slnt", "unknown feature 'slnt'. Did you mean 'slant'?"),
    ],
)
def test_a_setting_that_nothing_would_read(setting, message, refused):
    text = refused(*run("--set", setting))
    assert message in text and text.startswith(("--set", "--feature"))


def test_settings_of_plug_ins_are_read_by_their_types(bench_cli, tmp_path):
    settings = ("methods.ours.keep=7,area", "methods.ours.shrink=true", "methods.ours.layers=", "student.lr=1e-3")
    typed = [word for setting in settings for word in ("--set", setting)]
    done = bench_cli(*run("--results", tmp_path), "--show-config", *typed)
    found = json.loads(done.out)["settings"]
    assert found["methods"]["ours"] == {"keep": ["7", "area"], "shrink": True, "layers": []}
    assert found["student"] == {"lr": 0.001}


def test_a_suite_may_name_methods_that_are_not_here_and_its_own_fields_are_checked(refused, bench_cli, tmp_path):
    suite = tmp_path / "mine.toml"
    suite.write_text('extends = "lite"\n[models.vae.methods.elsewhere]\nmix = 3\n')
    assert bench_cli(*run(suite=suite), "--results", tmp_path, "--show-config").code == 0
    suite.write_text('extends = "lite"\n[models.vae.pretrain]\nnope = 3\n')
    assert "pretrain.nope: unknown field" in refused(*run(suite=suite))
    suite.write_text('extends = "lite"\n[models.vae.methods.probe]\nnope = 3\n')
    assert "methods.probe.nope: unknown field" in refused(*run(suite=suite))


LONG = "9" * 5000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (f"[models.vae]\ndataset = 'mnist'\nevaluation.count = {LONG}", "holds a number of more than 4,300 digits"),
        (f"[models.vae]\ndataset = 'mnist'\nevaluation.count = 0x{'f' * 5000}", "a number of more than 4,300 digits"),
        ("a = " + "[" * 100_000, "is nested more than 100 levels deep"),
        (".".join("a" * 1000) + " = 1", "is nested more than 100 levels deep"),
        ("caf\xe9 = 1", "is not a text in UTF-8"),
    ],
)
def test_a_suite_file_that_python_cannot_hold(content, reason, refused, tmp_path):
    suite = tmp_path / "mine.toml"
    suite.write_bytes(content.encode("latin-1"))
    text = refused(*run(suite=str(suite)))
    assert text.startswith(f"--suite {suite}: cannot be read (") and reason in text and text.count("\n") == 0


def test_a_suite_file_with_errors(refused, tmp_path):
    suite = tmp_path / "mine.toml"
    suite.write_text("[models.vae\n")
    assert refused(*run(suite=str(suite))).startswith(f"--suite {suite}: cannot be read (")
    suite.write_text('name = "mine"\n[models.vae]\nweights = "vae-mnist"\n')
    assert "models.vae.dataset: is missing" in refused(*run(suite=str(suite)))
    suite.write_text('name = "../../elsewhere"\n[models.vae]\ndataset = "mnist"\n')
    assert "name: should match pattern" in refused(*run(suite=str(suite)))


# --- files, folders, devices --------------------------------------------------------------------------


def test_missing_weights(refused, tmp_path):
    path = str(tmp_path / "nowhere.safetensors")
    assert refused(*run(weights=path)) == (f"{path}: no such weights file. `bench zoo list` shows the shipped ones.")
    assert refused(*run(weights=path), "--dry-run").startswith(f"{path}: no such weights file")
    assert "file. Did you mean vae-mnist? `bench zoo list`" in refused(*run(weights="vae-mnits"))
    (tmp_path / "nowhere2.safetensors").touch()
    assert f"Did you mean {tmp_path / 'nowhere2.safetensors'}?" in refused(*run(weights=path))
    assert refused("sample", "--weights", path, "--out", tmp_path / "out").startswith(f"{path}: no such weights")


def test_missing_feedback(refused, tmp_path):
    assert refused(*run(feedback=tmp_path / "x.json")) == f"--feedback {tmp_path / 'x.json'}: no such file"


@pytest.mark.parametrize("device", ["nonsense", "cuda:99", "gpu"])
def test_a_device_that_is_not_there(device, refused):
    text = refused(*run(device=device))
    assert text.startswith(f"--device {device}: not available on this machine (") and text.endswith("Use auto or cpu.")


def test_a_device_without_numbers(refused):
    assert refused(*run(device="meta")).startswith("--device meta: ")


def test_a_plugins_folder_that_is_not_there(refused, tmp_path):
    folder = tmp_path / "nowhere"
    for argv in (run(plugins=folder), ["list", "--plugins", folder], ["check", "ours", "--plugins", folder]):
        assert refused(*argv) == f"--plugins {folder}: no such folder"


@pytest.mark.parametrize(
    "argv",
    [
        ("run", "--plugins", ""), ("run", "--results="), ("run", "--data-dir", ""), ("run", "--feedback", ""),
        ("run", "--method", ""), ("run", "--suite", ""), ("sample", "--weights", "vae-mnist", "--out", ""),
        ("sample", "--weights", ""), ("table", "2", "--only", ""), ("figure", "5", "--out="), ("doctor", "--results", ""),
        ("show", ""), ("list", "--plugins", ""), ("pretrain", "--model", ""), ("zoo", "import", "--out", ""),
    ],
)  # fmt: skip
def test_an_empty_text_is_refused_everywhere(argv, bench_cli):
    """It is most often a variable of the shell that is not set, and would mean the working folder."""
    done = bench_cli(*argv)
    flag = argv[-1].removesuffix("=") if argv[-1].endswith("=") else argv[-2] if argv[-2][0] == "-" else "NAME"
    assert done.code == 4 and done.err.startswith(f"Error: {flag}: is empty. "), done.err


@pytest.mark.parametrize(
    ("name", "argv"),
    [
        ("NAME", ("show", "")), ("NAME", ("new", "method", "  ")), ("KIND", ("new", "", "mine")),
        ("DIR|FILE", ("merge", "a", "")), ("FOLDER", ("feedback", "", "--clicked", "x")),
        ("FILE", ("zoo", "export", "", "--like", "x")), ("COMMAND", ("zoo", "")), ("COMMAND", ("",)),
        ("an argument", ("nonsense", "")), ("an argument", ("show", "--nonsense", "1", "")),
    ],
)  # fmt: skip
def test_an_empty_argument_is_told_by_its_name(name, argv, bench_cli):
    done = bench_cli(*argv)
    assert done.code == 4 and done.err.startswith(f"Error: {name}: is empty. "), done.err


@pytest.mark.parametrize("flag", ["--method", "--model", "--feature", "--plugins"])
def test_commas_alone_name_nothing(flag, bench_cli):
    done = bench_cli(*run(), flag, ",")
    assert done.code == 4 and "',' names nothing" in done.err


@pytest.mark.parametrize("device", ["cpu:7", "cpu:1", "cuda:-1", "meta", "mps", "xla"])
def test_a_device_that_is_not_there_is_refused(device, refused):
    said = refused(*run("--device", device))
    assert said.startswith(f"--device {device}: not available on this machine (") and len(said) < 300


@pytest.mark.parametrize(
    ("setting", "option", "value"),
    [("weights=dcgan-mnist", "--weights", "vae-mnist"), ("dataset=mnist", "--dataset", "mnist")],
)
def test_a_setting_that_an_option_sets_too_is_refused(setting, option, value, refused):
    said = refused(*run("--set", setting, option, value))
    assert said.startswith(f"--set {setting.partition('=')[0]}: {option} {value} says the same thing. Leave one")


def test_a_count_that_a_feedback_file_makes_useless_is_told(bench_cli, tmp_path):
    done = bench_cli(*run("--set", "feedback.count=50", "--feedback", tmp_path / "clicks.json", "--dry-run"))
    assert f"--set feedback.count: has no effect, since --feedback {tmp_path / 'clicks.json'} holds its own" in done.err


@pytest.mark.parametrize(
    "argv",
    [("status",), ("doctor",), ("clean",), ("table", "2", "--no-run"), ("figure", "5", "--no-run"), run("--dry-run")],
)
def test_results_that_are_not_a_folder_are_told(argv, bench_cli, tmp_path):
    (tmp_path / "file").write_text("")
    done = bench_cli(*argv, "--results", tmp_path / "file")
    assert done.code == 4 and done.err == f"Error: --results {tmp_path / 'file'}: is not a folder\n"


@pytest.mark.parametrize("argv", [("doctor",), ("check", "mnist"), ("clean",), run("--dry-run")])
def test_a_folder_of_data_that_is_typed_must_be_there(argv, bench_cli, tmp_path):
    done = bench_cli(*argv, "--data-dir", tmp_path / "nowhere")
    assert done.code == 4 and done.err == f"Error: --data-dir {tmp_path / 'nowhere'}: no such folder\n"


def test_a_picture_is_not_a_folder_of_samples(bench_cli, tmp_path):
    (tmp_path / "000000.png").write_bytes(b"")
    done = bench_cli("feedback", tmp_path / "000000.png")
    assert done.code == 4 and f"is a file. Name the folder that `bench sample` wrote: {tmp_path}" in done.err


def test_a_result_is_not_the_folder_of_a_cell(bench_cli, tmp_path):
    (file := tmp_path / "result.json").write_text("{}")
    done = bench_cli("feedback", tmp_path, "--clicked", tmp_path / "x", "--cell", file)
    assert done.code == 4
    assert done.err == f"Error: --cell {file}: is a file. Name the folder of the cell: {tmp_path}\n"


@pytest.mark.parametrize("more", [("--out", "v.txt"), ("--out", "v"), ("--out", "v.safetensors", "--ship", "mine")])
def test_where_a_training_is_kept_is_said_once_and_by_its_suffix(more, refused):
    said = refused("pretrain", "--model", "vae", *more)
    assert said.startswith("--out") and ("is named FILE.safetensors" in said or "cannot be combined" in said)
