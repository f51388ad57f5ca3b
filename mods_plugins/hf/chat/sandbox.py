"""Rendering chat templates: what a template of a stranger does ends, in an error if need be.

The environment is set up as that of transformers, so that a template writes the same text there
and here; see `mods_plugins.hf.chat.budget` for what it may do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

from mods.errors import ModsError
from mods.wording import one_line
from mods_plugins.hf.chat.budget import (
    budgeted,
    counted,
    current,
    size_of_call,
    size_of_operation,
    weight,
)

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.parser import Parser

TODAY = "26 Jul 2024"
"""The date for templates that print today's: a prompt must not change from one day to the next."""


class RenderError(ModsError):
    """A template that refuses its turns, fails on them, or goes on for too long."""


def render(template: str, values: Mapping[str, Any], size: int) -> str:
    """Render a chat template; `size` is about how many characters go in.

    Raises `RenderError` with the reason if it cannot be compiled, refuses what it is given, fails
    on it, or exceeds its budget.
    """
    try:
        with budgeted(size):
            return compiled(template).render(**values)
    except RecursionError as error:
        raise RenderError("it calls itself without end") from error
    except Exception as error:
        raise RenderError(one_line(error)) from error


@lru_cache(maxsize=32)
def compiled(template: str) -> Template:
    """Compile a template, once."""
    return Sandbox().from_string(template)


class GenerationTag(Extension):
    """`{% generation %}`, which some templates put around an answer: it writes what is inside."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Take the tags away."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class TemplateNamespace(Namespace):
    """A namespace in which no template can reach the insides of Python."""

    def __init__(*given: Any, **named: Any) -> None:
        """Refuse names that start with an underscore."""
        self, *rest = given
        values = dict(*rest, **named)
        for name in values:
            refuse_private(name)
        Namespace.__init__(self, values)

    def __setitem__(self, name: str, value: Any) -> None:
        """Set a value."""
        refuse_private(name)
        super().__setitem__(name, value)


class Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox of chat templates, in which everything that can grow is counted."""

    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[GenerationTag, loopcontrols],
            finalize=_written,
        )
        self.filters = {name: counted(work) for name, work in self.filters.items()}
        self.filters["tojson"] = counted(to_json)
        self.globals["raise_exception"] = refuse
        self.globals["strftime_now"] = lambda _: TODAY
        self.globals["dict"] = lambda *given, **named: dict(*given, **named)
        self.globals["namespace"] = TemplateNamespace
        del self.globals["lipsum"]

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Refuse an operation whose result would be too large, before it is done."""
        current().spend(size_of_operation(operator, left, right))
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Count every call, of macros and loops too; refuse one that would build too much."""
        current().spend(size_of_call(__obj, args, kwargs))
        result = super().call(__context, __obj, *args, **kwargs)
        if isinstance(result, (str, list, tuple)):
            current().spend(len(result))
        return result

    def count_round(self, characters: int) -> str:
        """Count a round of a loop, or a call of a macro, with so many characters of plain text."""
        current().write(characters)
        return ""

    def join_text(self, *parts: Any) -> str:
        """Join values as text: what the operator `~` does."""
        current().spend(sum(map(weight, parts)))
        return "".join(map(str, parts))

    def _generate(self, source: nodes.Template, *arguments: Any, **named: Any) -> str:
        """Put the counting into a parsed template before it is compiled."""
        looping: list[Any] = list(source.find_all((nodes.For, nodes.Macro, nodes.CallBlock)))
        for node in looping:
            size = sum(len(text.data) for text in node.find_all(nodes.TemplateData))
            count = _own_call("count_round", [nodes.Const(size)], node.lineno)
            node.body.insert(0, nodes.ExprStmt(count, lineno=node.lineno))
        _Joins().visit(source)
        source.set_environment(self)
        return super()._generate(source, *arguments, **named)


class _Joins(NodeTransformer):
    """Makes `a ~ b` a call that counts."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _own_call("join_text", node.nodes, node.lineno)


def _own_call(method: str, arguments: list[Any], line: int) -> nodes.Call:
    """Make the call of a method of the environment, as a node."""
    own = nodes.EnvironmentAttribute(method, lineno=line)
    return nodes.Call(own, arguments, [], None, None, lineno=line)


def _written(value: Any) -> Any:
    """Count a value that is written out."""
    size = weight(value)
    current().spend(size)
    current().write(size)
    return value


def to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: Any = None,
    sort_keys: bool = False,
) -> str:
    """Write JSON as chat templates expect it: not escaped for HTML."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def refuse(message: str) -> None:
    """Let a template refuse its turns: `raise_exception` in templates."""
    raise TemplateError(message)


def refuse_private(name: object) -> None:
    """Refuse a name that starts with an underscore."""
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"a namespace has no name {name!r}")
