"""Symbolic sizes in an exported program: evaluated as Python when it is loaded, so they may only be arithmetic."""

import ast
import re

from stopwatt.workloads.syntax import expression_of

_FUNCTIONS = {
    "Abs", "Add", "CeilDiv", "CeilToInt", "CleanDiv", "Eq", "Equality", "FloatPow", "FloatTrueDiv", "FloorDiv",
    "FloorToInt", "GreaterThan", "Identity", "IntTrueDiv", "Integer", "LessThan", "Max", "Min", "Mod",
    "ModularIndexing", "Mul", "Ne", "Pow", "PowByNatural", "PythonMod", "Rational", "RoundToInt", "StrictGreaterThan",
    "StrictLessThan", "ToFloat", "TruncToFloat", "TruncToInt", "Unequality", "Where", "ceiling", "floor",
}  # fmt: skip
_TEXT = {"Symbol": re.compile(r"[a-z]{1,4}\d+"), "Float": re.compile(r"-?\d+(\.\d*)?(e[-+]?\d+)?")}
"""Functions that take text, and which: any other function would evaluate it."""
_NAMES = {"oo", "int_oo", "true", "false"}
_NODES = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Compare, ast.operator, ast.unaryop, ast.cmpop, ast.Load, ast.keyword,
)  # fmt: skip
_LONGEST = 10_000


def is_arithmetic(text: str) -> bool:
    """Whether an expression holds nothing but numbers, symbols of sizes, and functions on them."""
    if len(text) > _LONGEST:
        return False
    try:
        tree = expression_of(text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    trusted: set[ast.AST] = set()  # names and texts whose place has been checked; parents come first
    return all(_is_plain(node, trusted) for node in ast.walk(tree))


def _is_plain(node: ast.AST, trusted: set[ast.AST]) -> bool:
    if isinstance(node, ast.Call):
        return _is_known_call(node, trusted)
    if isinstance(node, ast.Name):
        return node in trusted or node.id in _NAMES or bool(_TEXT["Symbol"].fullmatch(node.id))
    if isinstance(node, ast.Constant):
        return node in trusted or isinstance(node.value, int | float)
    return isinstance(node, _NODES)


def _is_known_call(node: ast.Call, trusted: set[ast.AST]) -> bool:
    if not isinstance(node.func, ast.Name) or node.func.id not in _FUNCTIONS | _TEXT.keys():
        return False
    trusted.add(node.func)
    pattern = _TEXT.get(node.func.id)
    if pattern and node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
        if not pattern.fullmatch(node.args[0].value):
            return False
        trusted.add(node.args[0])
    return True
