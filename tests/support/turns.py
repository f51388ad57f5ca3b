"""Rows of several turns, plain ones and ones with everything that a turn can hold."""

from mods import Conversation, Media, Message, Record, ToolCall

MULTI_TURN = Record.from_turns(
    [
        Message("system", "be brief"),
        Message("user", "one"),
        Message("assistant", "first answer"),
        Message("user", "two"),
        Message("assistant", "second answer"),
    ],
    instruction="two",
)
RICH = Record(
    Conversation(
        (
            Message("user", "what is here?", media=(Media("image", "a.png"),)),
            Message("assistant", "", reasoning="look", tool_calls=(ToolCall("see", "{}", "1"),)),
            Message("tool", "a cat", tool_call_id="1"),
            Message("assistant", "A cat.", weight=0.0),
            Message("user", "sure?"),
        ),
        instruction="sure?",
        tools=('{"name": "see"}',),
    ),
    Message("assistant", "Yes.", reasoning="it has whiskers"),
)
"""A row with media, a call of a tool, its result, reasoning and weights."""

CALLING = Record(
    Conversation(
        (
            Message("system", "be kind"),
            Message("user", "how warm?"),
            Message("assistant", "", tool_calls=(ToolCall("warmth", '{"city": "Oslo"}', "c1"),)),
            Message("tool", "minus three", tool_call_id="c1"),
        ),
        instruction="how warm?",
        tools=('{"name": "warmth"}',),
    ),
    Message("assistant", "cold", reasoning="brr"),
)
"""A row with a system turn, a tool, a call, its result and reasoning."""
