"""Fields: the parts of a conversation, and the columns that data sets keep them in."""

from __future__ import annotations

from collections.abc import Mapping

from mods.data.tools import MediaKind

ASKED = ("instruction", "question", "query", "problem", "input")
ANSWERED = ("output", "response", "answer", "answers", "completion", "target", "solution")

FIELDS: Mapping[str, tuple[str, ...]] = {
    "messages": ("messages",),
    "conversations": (
        "conversations", "conversation", "dialogue", "dialog", "dialogs", "chat", "turns", "data",
    ),
    "instruction": ASKED,
    "output": (*ANSWERED, "answerkey", "answer_key"),
    "prompt": ("prompt", "question", "instruction", "query"),
    "completion": ("completion", "response", "output", "answer"),
    "chosen": ("chosen", "chosen_response"),
    "rejected": ("rejected", "rejected_response"),
    "input": ("input", "context", "query", "article", "passage", "document", "paragraph"),
    "choices": ("choices", "options"),
    "history": ("history",),
    "system": ("system", "system_prompt", "system_message"),
    "tools": ("tools", "functions"),
    "reasoning": ("reasoning", "reasoning_content", "thinking", "thoughts", "chain_of_thought"),
    "media": ("image", "images", "video", "videos", "audio", "audios"),
    "weight": ("weight",),
    "label": ("label", "kto_tag"),
}  # fmt: skip
"""The columns each field is looked for in, best first. A column serves one field only.

Names are compared in lower case, without spaces around.
"""

SEVERAL = ("input", "media")
"""Fields that take every column of theirs that holds something; others take the first."""

LOUD = {name for names in FIELDS.values() for name in names} - {"data", "label", "target"}
"""Columns that usually carry meaning: told louder where they are not used."""


def media_kind(column: str) -> MediaKind:
    """Return the kind of media that a column holds, by its name."""
    column = column.strip().lower()
    if column.startswith("video"):
        return "video"
    return "audio" if column.startswith("audio") else "image"
