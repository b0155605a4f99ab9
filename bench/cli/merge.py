"""``bench merge``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click


@click.command("merge")
@click.argument("sources", metavar="DIR|FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only print what would happen to each cell.")
@click.option("--json", "as_json", is_flag=True, help="Print each cell as one line of JSON.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results/runs"),
    show_default=True,
    help="Folder of stored results, to which cells are added.",
)
def command(sources: tuple[Path, ...], dry_run: bool, as_json: bool, results: Path) -> int:
    """Add the cells of other results folders, or of archives made by bench export.

    A cell is known by its key, which hashes everything that decides its numbers. One that is here already is compared:
    metrics that only the other one has are added; if the two differ, both are kept, and it is said where they differ.
    Every file is checked against the record. The exit code is 1 if there was a conflict or a damaged cell, and 5 if
    there was no cell.
    """
    import json
    from contextlib import ExitStack

    from bench.errors import EXIT_NOTHING, EXIT_SOME_FAILED
    from bench.workspace.store.merging import merge
    from bench.workspace.store.store import Store
    from bench.workspace.store.travelling import opened

    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        # first: a wrong name is told before anything is written
        parcels = [stack.enter_context(opened(source)) for source in sources]
        store = Store(results)
        store.require_writable()
        for parcel in parcels:
            if not parcel.cells:
                below = "".join(f". Try {each}" for each in Store(parcel.path).folders_below()[:1])
                click.echo(f"{parcel.path}: holds no results{below}", err=True)
            for each in merge(parcel, store, not dry_run):
                counts[each.fate] += 1
                told = {"source": str(parcel.path), "cell": each.cell, "fate": each.fate, "why": each.why or None}
                line = f"{each.fate:9} {each.cell}" + (f"  {each.why}" if each.why else "")
                click.echo(json.dumps(told) if as_json else line)
    if not counts:
        return EXIT_NOTHING
    total = ", ".join(f"{count} {fate}" for fate, count in counts.items())
    click.echo(f"{results}: {total}{' (nothing was written)' if dry_run else ''}", err=True)
    return EXIT_SOME_FAILED if counts["conflict"] or counts["damaged"] else 0
