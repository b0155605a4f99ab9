"""What code means: without anything that cannot change a number.

That is comments, docstrings, formatting, import lines, type hints of functions, help texts (``Field(description=)``),
progress notes (``progress.note(...)``), the arguments of raised errors, and which process or device computes
(``toolkit.sharing.shared(f)`` and ``workspace.placing.on_device(f, device)`` count as ``f``). A reference to another
definition counts by that definition's name alone, so that a module may move.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from typing import TypeVar

_Node = TypeVar("_Node", bound=ast.AST)
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def meaning(
    nodes: list[ast.stmt],
    renamed: Mapping[str, str] | None = None,
    *,
    imports: bool = False,
    transparent: Collection[str] = (),
) -> str:
    """Return what statements mean, as code.

    Parameters
    ----------
    nodes : list of ast.stmt
    renamed : mapping of str to str, optional
        Dotted references as written ("randomness.draw") to their replacements.
    imports : bool
        Whether import lines count.
    transparent : collection of str
        Functions, as written: their call counts as its first argument.
    """
    read = (node for node in nodes if not is_text(node))
    kept = [
        plain for node in read if (plain := _Plain(renamed or {}, imports, transparent).visit(_copy(node))) is not None
    ]
    return "\n".join(ast.unparse(node) for node in kept)


def _copy(node: _Node) -> _Node:
    """Copy a tree; ``copy.deepcopy`` takes ten times as long."""
    new: _Node = node.__class__.__new__(node.__class__)
    for name, value in vars(node).items():
        if isinstance(value, list):
            value = [_copy(each) if isinstance(each, ast.AST) else each for each in value]
        new.__dict__[name] = _copy(value) if isinstance(value, ast.AST) else value
    return new


def dotted(node: ast.AST) -> str | None:
    """Return "a.b.c" for a name or a chain of attributes; None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (first := dotted(node.value)) is not None:
        return f"{first}.{node.attr}"
    return None


class _Plain(ast.NodeTransformer):
    """Removes what cannot change a number, and rewrites references."""

    def __init__(self, renamed: Mapping[str, str], imports: bool, transparent: Collection[str]) -> None:
        self.renamed, self.imports, self.transparent = renamed, imports, transparent

    def _body(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list):
            text = body and isinstance(node, (*FUNCTION, ast.ClassDef)) and is_text(body[0])
            node.body = (body[1:] if text else body) or [ast.Pass()]  # type: ignore[attr-defined]
        return node

    visit_ClassDef = visit_If = visit_For = visit_While = visit_With = visit_Try = visit_ExceptHandler = _body
    visit_match_case = _body

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self._body(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> ast.AST | None:
        return node if self.imports else None

    visit_ImportFrom = visit_Import

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        called = dotted(node.value.func) if isinstance(node.value, ast.Call) else None
        return None if called is not None and called.endswith("progress.note") else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        node.cause = None
        if isinstance(node.exc, ast.Call) and _is_error(node.exc.func):
            node.exc = node.exc.func
        return self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        node.msg = None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if dotted(node.func) in self.transparent:
            found: ast.AST = self.visit(node.args[0])
            return found
        if (dotted(node.func) or "").rpartition(".")[2] == "Field":
            node.keywords = [k for k in node.keywords if k.arg != "description"]
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._reference(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return self._reference(node)

    def _reference(self, node: ast.Name | ast.Attribute) -> ast.AST:
        written = dotted(node) or ""
        if written in self.renamed:
            return ast.copy_location(ast.Name(self.renamed[written], node.ctx), node)
        return self.generic_visit(node)


def _is_error(raised: ast.expr) -> bool:
    """Say whether what is raised only speaks to people; another exception may carry a result out of a loop."""
    leaf = (dotted(raised) or "").rpartition(".")[2]
    return leaf.endswith("Error") or leaf in ("Diverged", "Interrupted", "unknown")


def is_text(node: ast.stmt) -> bool:
    """Say whether a statement is a text alone: a docstring, for instance."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
