"""What a chat template does with everything a row may hold: the examination of `mods doctor`."""

from __future__ import annotations

from collections.abc import Callable

from mods.interfaces import Finding
from mods.records import Conversation, Message, Record, ToolCall
from mods.wording import quoted
from mods_plugins.hf.chat.format import ChatFormat
from mods_plugins.hf.chat.forms import Form
from mods_plugins.hf.chat.rendering import Renderer
from mods_plugins.hf.chat.sandbox import RenderError
from mods_plugins.thoughts import is_open, without_empty_end

USER, ASSISTANT, SYSTEM = Message("user", "u"), Message("assistant", "a"), Message("system", "s")
CALL = Message("assistant", "", tool_calls=(ToolCall("f", "{}", "mods00000"),))
RESULT = Message("tool", "r", tool_call_id="mods00000", name="f")
TOOL = '{"type": "function", "function": {"name": "f", "parameters": {}}}'
SHAPES: tuple[tuple[str, tuple[Message, ...], tuple[str, ...], str], ...] = (
    ("user and assistant in turn", (USER, ASSISTANT, USER), (), "joined into one turn"),
    ("system turn", (SYSTEM, USER), (), "joined to the user turn after it"),
    ("later system turn", (USER, ASSISTANT, SYSTEM, USER), (), "put into one user turn"),
    ("two user turns in a row", (USER, USER), (), "joined"),
    ("list of tools", (USER,), (TOOL,), "written into the system turn"),
    ("calls of tools", (USER, CALL, RESULT), (), "written as text"),
    ("results of tools", (USER, ASSISTANT, RESULT), (), "put as user turns"),
)


def examine(chat: ChatFormat) -> list[Finding]:
    """Return a finding for every part of a conversation, and for what is learned."""
    renderer = chat.renderer
    found = [_shape(renderer, *shape) for shape in SHAPES]
    return [
        *found, _reasoning(renderer), _generation(renderer), _end(chat), _round_trip(chat),
    ]  # fmt: skip


def _shape(
    renderer: Renderer, what: str, turns: tuple[Message, ...], tools: tuple[str, ...], instead: str
) -> Finding:
    reason = _reason(lambda: renderer.unheard(Form(turns, tools)))
    return Finding(what, not reason, f"{reason}; {instead}" if reason else "shown")


def _reason(work: Callable[[], str]) -> str:
    try:
        return work()
    except RenderError as error:
        return f"refused ({error})"


def _reasoning(renderer: Renderer) -> Finding:
    takes = renderer.takes_reasoning()
    how = "shown from reasoning_content" if takes else "not read; one <think> block is written"
    return Finding("reasoning of the answer", takes, how)


def _generation(renderer: Renderer) -> Finding:
    prompt = renderer.form(Conversation((USER,), "u"))[1]
    header = renderer.header
    how = f"asks with {quoted(header)}" if header else "adds nothing to ask for an answer"
    if is_open(prompt):
        how += "; opens a block of thoughts"
    elif without_empty_end(prompt) != prompt:
        how += "; closes the thoughts (enable_thinking is false)"
    return Finding("generation prompt", bool(header), how)


def _end(chat: ChatFormat) -> Finding:
    ids = chat.tokenizer(chat.end, add_special_tokens=False)["input_ids"]
    [row] = chat.encode([Record.from_instruction("u", "a")])
    learned = row.response[-len(ids) :] == list(ids) and ids[-1] in chat.stop_ids
    how = f"{quoted(chat.end)} ends an answer and is learned" if learned else "not learned"
    return Finding("end of turn", learned, how)


def _round_trip(chat: ChatFormat) -> Finding:
    """Check that what is learned is the answer and its end, after the very prompt that is asked."""
    record = Record.from_instruction("how so?", "because it is")
    [row] = chat.encode([record])
    decoded = chat.tokenizer.decode(row.response, clean_up_tokenization_spaces=False)
    same = [row.prompt] == chat.prompts([record.conversation], 10**6)
    works = same and decoded.endswith(record.response + chat.end)
    how = f"learned: {quoted(decoded)}" if works else f"differs: {quoted(decoded)}"
    return Finding("training mask", works, how)
