"""``bench show``."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.options import open_registry, plugins


@click.command("show")
@click.argument("name")
@click.option("--suite", metavar="NAME|FILE", default=None, help="Suite whose hyper-parameters of a method to show.")
@plugins
def command(name: str, suite: str | None, plugins: tuple[Path, ...]) -> int:
    """Show a plug-in, its hyper-parameters, and what suites set for a method.

    NAME may also be a class, a function or a module that plug-ins are written with: Method, StudentParams, bench.api,
    bench.toolkit.latent.
    """
    from bench.authoring.show import describe
    from bench.report.terminal import suite_settings

    registry = open_registry(plugins)
    suite_settings.require_not_shown_elsewhere(registry, name)
    click.echo("\n".join([describe(registry, name), *suite_settings.of_method(registry, name, suite)]))
    return 0
