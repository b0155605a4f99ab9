"""Sequential requests (``--sequential``): each one unlearns from the generator that the previous one left.

The method takes the last generator as its original; the judge compares with the first. So a request is a cell whose
weights are those that the request before left, and after it every feature so far is a cell of the method ``stored`` on
the first original: what became of the old ratios, and of FID.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from bench.errors import UsageError
from bench.experiments.cells.cell import Cell
from bench.experiments.cells.resolve import no_next_original
from bench.experiments.execution.execute import Done
from bench.experiments.planning.plan import Plan
from bench.workspace.workspace import Workspace

MEASURING = "stored"  # the method that measures what a request left

Run = Callable[[Sequence[Cell]], list[Done]]  # runs cells, reports each, and says how they ended


@dataclass(frozen=True)
class Chain:
    """The requests of one method, model, seed and set of parameters, in their order.

    Attributes
    ----------
    cells : tuple of Cell
        One for each feature, each from the first original.
    weights : str
        What the last request left.
    """

    cells: tuple[Cell, ...]
    weights: str


def chains_of(cells: Sequence[Cell]) -> list[Chain]:
    """Return the chains of requests among some cells.

    Raises
    ------
    UsageError
        If there is one feature, clicks on the first original's samples, or several steps of a run.
    """
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        if cell.feedback_file is not None:
            raise UsageError("--feedback: holds clicks on the first generator, and --sequential needs some on each")
        if cell.step is not None:
            raise UsageError("--evaluate-at and --sequential cannot be combined: a request begins where one has ended")
        groups.setdefault((cell.method, cell.model, str(cell.seed), cell.params.model_dump_json()), []).append(cell)
    for (_, model, *_), group in groups.items():
        if len(group) < 2:
            raise UsageError(f"--sequential: needs two features or more of '{model}', in the order of the requests")
    return [Chain(tuple(group), group[0].weights) for group in groups.values()]


def require_links(first: Plan) -> None:
    """Raise UsageError unless each method of the first requests can unlearn further from what it leaves.

    What lacks something, or declines its cell, is told elsewhere.
    """
    able = [item.resolved for item in first.cells if item.resolved is not None and item.resolved.declined is None]
    reasons = {f"{each.cell.method} on {each.cell.model}": no_next_original(each) for each in able}
    if broken := [f"{which} ({why})" for which, why in reasons.items() if why is not None]:
        raise UsageError(
            f"--sequential: no second request can begin with what these leave: {'; '.join(broken)}. Leave them out of "
            "--method, or run them without --sequential"
        )


def run_sequence(chains: Sequence[Chain], workspace: Workspace, run: Run) -> list[Done]:
    """Run all chains, request by request, and measure after each; returns how every cell ended.

    A chain ends with a request that has no outcome.
    """
    ended: list[Done] = []
    for place in range(max(len(chain.cells) for chain in chains)):
        going = [chain for chain in chains if place < len(chain.cells)]
        done = run([_request(chain, place, workspace) for chain in going])
        ended += done
        chains = [_after(chain, each) for chain, each in zip(going, done, strict=True) if _left(each)]
        if place and chains:
            ended += run([cell for chain in chains for cell in _measured(chain, place, workspace)])
        if not chains:
            break
    return ended


def _left(done: Done) -> bool:
    return done.record is not None and done.record.status == "ok"


def _request(chain: Chain, place: int, workspace: Workspace) -> Cell:
    """Return the cell of a request: from what the last one left, with the first original's cut."""
    cell = chain.cells[place]
    if place == 0:
        return cell
    settings = cell.settings
    if settings.oracle.cut == "generator" and _clicks_a_share(cell, workspace):
        oracle = settings.oracle.model_copy(update={"cut": cell.weights})
        settings = settings.model_copy(update={"oracle": oracle})
    return replace(cell, weights=chain.weights, settings=settings)


def _clicks_a_share(cell: Cell, workspace: Workspace) -> bool:
    found = workspace.oracles(cell.settings.dataset, cell.settings.oracle, cell.feature, ("feedback",))
    return "feedback" in found and found["feedback"].classifier.top_fraction is not None


def _after(chain: Chain, done: Done) -> Chain:
    """Return a chain with the weights that a request left."""
    assert done.resolved is not None
    return replace(chain, weights=str(done.resolved.folder / "unlearned.safetensors"))


def _measured(chain: Chain, place: int, workspace: Workspace) -> Iterator[Cell]:
    """Yield the cells that measure every feature so far, on the first original."""
    config = workspace.registry.get("methods", MEASURING).Config
    for cell in chain.cells[: place + 1]:
        yield replace(cell, method=MEASURING, params=config(weights=chain.weights), named=("weights",))
