"""``bench zoo``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.options import open_registry, plugins, require_weights_name, workplace, workspace_at
from bench.errors import UsageError

STATE_DICT = "state-dict"  # the layout whose model cannot be told by the file


@click.group("zoo")
def command() -> None:
    """List, import and export weights."""


@command.command("list")
def list_() -> int:
    """List the shipped files.

    Each with its size, its description and the command that made it.
    """
    from bench.workspace.manifest import WEIGHTS, entries

    for name, entry in entries().items():
        size = (WEIGHTS / entry.file).stat().st_size / 1e6
        click.echo(f"{name:26} {size:6.2f} MB  {entry.description}\n{'':26}            {entry.command}")
    return 0


@command.command("statistics")
@click.option("--dataset", metavar="NAME", required=True, help="Data set whose training split is summarised.")
@click.option("--extractor", metavar="NAME", required=True, help="Extractor of the embedding.")
@workplace
def statistics(
    dataset: str, extractor: str, plugins: tuple[Path, ...], results: Path, data_dir: Path | None, device: str
) -> int:
    """Recompute reference statistics (maintainers)."""
    workspace = workspace_at(plugins, results, data_dir, device)
    from bench.evaluation.references import ship_statistics

    click.echo(ship_statistics(workspace, dataset, extractor))
    return 0


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "layout",
    type=click.Choice(["vdvae", "pgan", STATE_DICT]),
    required=True,
    help="vdvae: openai/vdvae, *-model-ema.th. pgan: facebookresearch/pytorch_GAN_zoo, a progressive GAN. "
    "state-dict: the torch module that the generator of --model wraps.",
)
@click.option(
    "--model", metavar="NAME", default=None, help="Model plug-in that builds the generator (state-dict only)."
)
@click.option(
    "--at",
    default="",
    metavar="PLACE",
    help="Where the state dict lies in the file: a key (ema), keys (a/b), or a prefix of names (a/generator.).",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Weights file to write (.safetensors).")
@click.option(
    "-p",
    "--param",
    "params",
    multiple=True,
    metavar="NAME=VALUE",
    help="Field of the model's Config (see bench show); commas make a list.",
)
@plugins
def import_(
    file: Path, layout: str, model: str | None, at: str, out: Path, params: tuple[str, ...], plugins: tuple[Path, ...]
) -> int:
    """Convert a checkpoint of other code.

    The outcome is a weights file for --weights. No code in FILE is run.

    \b
    bench zoo import mine.pt --format state-dict --model my_generator --out mine.safetensors
    bench zoo import imagenet64-iter-1600000-model-ema.th --format vdvae --out vdvae.safetensors
    bench zoo import celebaHQ_s6_i80000-6196db68.pth --format pgan --out proggan.safetensors
    """
    require_weights_name(out)
    registry = open_registry(plugins)
    from bench.workspace.foreign.importing import import_official, import_state_dict
    from bench.workspace.settings.values import read_assignments

    typed = read_assignments(params, "-p")
    if layout == STATE_DICT and model is None:
        raise UsageError(
            f"--format {STATE_DICT}: needs --model NAME, the plug-in that builds the generator (bench list)"
        )
    if layout != STATE_DICT and (model is not None or at):
        raise UsageError(f"--model and --at are for --format {STATE_DICT} only; --format {layout} needs neither")
    if model is not None:
        click.echo(import_state_dict(registry, file, model, out, typed, at))
    else:
        click.echo(import_official(registry, file, layout, out, typed))
    return 0


@command.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--like", type=click.Path(path_type=Path), required=True, help="File that was imported; the output has its layout."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write.")
def export(file: Path, like: Path, out: Path) -> int:
    """Write weights back for the code they came from.

    FILE is an imported generator, unlearned or not:

    \b
    bench zoo export results/runs/.../unlearned.safetensors --like mine.pt --out mine-unlearned.pt
    """
    from bench.workspace.foreign.exporting import export_release

    click.echo(export_release(file, like, out))
    return 0


@command.command("counterfactual")
@click.option("--dataset", metavar="NAME", required=True, help="Data set that can redraw its images.")
@click.option("--feature", metavar="NAME", required=True, help="Feature to remove.")
@workplace
def counterfactual(
    dataset: str, feature: str, plugins: tuple[Path, ...], results: Path, data_dir: Path | None, device: str
) -> int:
    """Retrain a feature remover (maintainers).

    It removes the feature from images, for counterfactual_error.
    """
    workspace = workspace_at(plugins, results, data_dir, device)
    from bench.evaluation.removers import ship_remover

    click.echo(ship_remover(workspace, dataset, feature))
    return 0
