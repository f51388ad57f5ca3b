import time

import pytest
from support.tiny_models import SPECIAL, tiny_tokenizer
from support.turns import MULTI_TURN, RICH

from mods import (
    Conversation,
    DataError,
    Message,
    ModsError,
    Record,
    SettingsError,
    Unscorable,
)
from mods_plugins.hf.chat.format import ChatFormat, Encoded
from mods_plugins.hf.chat.forms import PROBE

ONCE = (
    "{% for m in messages %}{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}>{% endif %}"
)
PICKY = (
    "{% for m in messages %}{% if m.role not in ('user', 'assistant') or "
    "(m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('no') }}{% endif %}"
    "<|start|>{{ m.role }}:{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant:{% endif %}"
)
"""Takes user and assistant in turn, nothing else."""
NEVER_NO = ONCE.replace(
    "{{ m.content }}", "{{ m.content if 'NO' not in m.content else raise_exception('no') }}"
)
"""Refuses a turn that says NO."""
THINKING = (
    "{% for m in messages %}<|start|>{{ m.role }}:{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant:<think></think>{% endif %}"
)
"""Asks for an answer in another way than it writes a past one."""
TOOL = Record.from_turns([Message("tool", "42"), Message("assistant", "so")], instruction="")
UNASKED = Record(Conversation((), ""), Message("assistant", "hello"))
SYSTEM_ONLY = Record(Conversation((Message("system", "be"),), ""), Message("assistant", "so"))
TWICE = Record.from_turns(
    [Message("user", "a"), Message("assistant", "b"), Message("assistant", "c")], instruction="a"
)
ROWS = [
    MULTI_TURN,
    RICH,
    TOOL,
    UNASKED,
    SYSTEM_ONLY,
    TWICE,
    Record.from_instruction("q", "all"),
    Record.from_instruction("q", ""),
    Record.from_instruction("q", "NO"),
    Record.from_instruction("NO", "so", system="hear"),
]


@pytest.fixture(scope="module")
def llama():
    return ChatFormat(tiny_tokenizer())


@pytest.fixture(scope="module")
def alpaca():
    return ChatFormat(tiny_tokenizer(None))


def text(chat, ids):
    return chat.tokenizer.decode(ids)


def test_prompt_ends_where_the_answer_starts_and_the_answer_ends_the_turn(llama):
    [row] = llama.encode([Record.from_instruction("say", "hello", input="to all")])
    assert text(llama, row.prompt) == "<|start|>user\nsay\nto all<|end|>\n<|start|>assistant\n"
    assert text(llama, row.response) == "hello<|end|>"
    assert not row.cut


def test_only_the_last_turn_is_the_response(llama):
    [row] = llama.encode([MULTI_TURN])
    assert text(llama, row.prompt).endswith(
        "<|start|>assistant\nfirst answer<|end|>\n<|start|>user\ntwo<|end|>\n<|start|>assistant\n"
    )
    assert text(llama, row.response) == "second answer<|end|>"


@pytest.mark.parametrize("template", [None, "alpaca", ONCE, PICKY, NEVER_NO, THINKING])
@pytest.mark.parametrize("limit", [1000, 60, 21, 3])
def test_a_conversation_is_asked_with_the_very_prompt_that_its_record_is_learned_with(
    template, limit
):
    chat = ChatFormat(tiny_tokenizer(), template)
    rows = [row for row in ROWS if not (template == NEVER_NO and "NO" in row.prompt)]
    if template == THINKING:  # a reply with thoughts needs room for them: below
        rows.remove(RICH)
    conversations = [row.conversation for row in rows]
    whole = [row.prompt for row in chat.encode(rows)]
    assert chat.prompts(conversations, 1000) == whole
    assert max(map(len, chat.prompts(conversations, limit))) <= limit
    most = 2 * limit
    for prompt, record, row in zip(whole, rows, chat.encode(rows, most), strict=True):
        room = max(limit, most - len(chat.encode([record])[0].response))
        short = chat.prompts([record.conversation], room)[0]
        assert row.prompt == (short if len(prompt) >= most else prompt)
        assert row.size <= most


@pytest.mark.parametrize("reply", ["yes", "NO", "", PROBE])
def test_the_reply_does_not_decide_the_form(reply):
    """A template that refuses a reply still gets the turns as they are, and the reply after."""
    chat = ChatFormat(tiny_tokenizer(), NEVER_NO)
    [row] = chat.encode([Record.from_instruction("q", reply, system="s")])
    assert text(chat, row.prompt) == "s<|end|>q<|end|>>"
    assert text(chat, row.response) == f"{reply}<|end|>"


def test_an_answer_that_is_written_unlike_it_is_asked_follows_the_prompt_of_generation():
    chat = ChatFormat(tiny_tokenizer(), THINKING)
    [row] = chat.encode([Record.from_instruction("q", "a")])
    assert text(chat, row.prompt) == "<|start|>user:q<|end|><|start|>assistant:<think></think>"
    assert text(chat, row.response) == "a<|end|>"


def test_a_token_across_the_boundary_does_not_change_the_prompt(llama):
    record = Record.from_instruction("q", "all")  # "\na" is one token of this tokenizer
    [row] = llama.encode([record])
    assert [row.prompt] == llama.prompts([record.conversation], 1000)
    assert text(llama, row.prompt + row.response).endswith("assistant\nall<|end|>")
    assert row.prompt[-1] == llama.tokenizer.convert_tokens_to_ids("Ċ")


def test_a_model_without_template_gets_the_alpaca_form(alpaca):
    [row] = alpaca.encode([MULTI_TURN])
    assert text(alpaca, row.prompt) == (
        "be brief\n\n### Instruction:\none\n\n### Response:first answer<|eos|>"
        "\n\n### Instruction:\ntwo\n\n### Response:"
    )
    assert text(alpaca, row.response) == "second answer<|eos|>"
    [row] = alpaca.encode([Record.from_instruction("hello", "all")])
    assert text(alpaca, row.prompt).startswith("Below is an instruction that describes a task. ")


def test_a_template_that_refuses_a_row_gets_a_plainer_form():
    chat = ChatFormat(tiny_tokenizer(), PICKY)
    rows = chat.encode([MULTI_TURN, TOOL, UNASKED, SYSTEM_ONLY, TWICE])
    first, odd, unasked, system, twice = (text(chat, row.prompt) for row in rows)
    assert first.startswith("<|start|>user:be brief\n\none<|end|>")
    assert odd == "<|start|>user:tool: 42<|end|><|start|>assistant:"
    assert unasked == "<|start|>user:<|end|><|start|>assistant:"
    assert system == "<|start|>user:system: be<|end|><|start|>assistant:"
    # It would ask for the answer, but take none there: the form is one that it takes both in.
    assert twice == "<|start|>user:user: a\nassistant: b<|end|><|start|>assistant:"


def test_a_template_that_refuses_everything_is_an_error_that_says_so():
    chat = ChatFormat(tiny_tokenizer(), NEVER_NO)
    no = Record.from_instruction("NO", "so", source="a.jsonl", row=7)
    why = r"the chat template refuses what it is given \(no\), even as a plain question and answer"
    with pytest.raises(DataError, match=r"^a.jsonl:7: " + why):
        chat.encode([no])
    [good, bad] = chat.encode_each([Record.from_instruction("so", "so"), no])
    assert isinstance(good, Encoded)
    assert isinstance(bad, Unscorable)
    [good, bad] = chat.prompts_each([Conversation.from_instruction("so"), no.conversation], 99)
    assert text(chat, good.ids) == "so<|end|>>"
    assert "refuses" in bad.reason


def test_a_template_that_cannot_end_or_print_an_answer_is_refused():
    with pytest.raises(ModsError, match="cannot be rendered"):
        ChatFormat(tiny_tokenizer(), "{{ raise_exception('never') }}")
    with pytest.raises(ModsError, match="does not print the assistant's answer"):
        ChatFormat(tiny_tokenizer(), "{{ messages[0].content }}")


def test_long_rows_lose_what_is_documented(llama):
    [whole] = llama.encode([MULTI_TURN])
    [cut] = llama.encode([MULTI_TURN], max_length=len(whole.prompt) + 4)
    assert cut == Encoded(whole.prompt, whole.response[:4], cut=True)
    [short] = llama.prompts([MULTI_TURN.conversation], len(whole.prompt) - 1)
    assert "be brief" in text(llama, short)
    assert "first answer" not in text(llama, short)
    [tail] = llama.prompts([MULTI_TURN.conversation], 20)
    assert tail == whole.prompt[-20:]
    [tight] = llama.encode([MULTI_TURN], max_length=40)
    assert text(llama, tight.response) == "second answer<|end|>"
    room = 40 - len(tight.response)  # what a short answer leaves
    assert room > 20
    assert [tight.prompt] == llama.prompts([MULTI_TURN.conversation], room)
    [half] = llama.encode([Record.from_instruction("x" * 99, "y" * 99)], max_length=40)
    assert [len(half.prompt), len(half.response)] == [20, 20]


def test_special_tokens_of_the_tiny_tokenizer_are_single():
    tokenizer = tiny_tokenizer()
    assert [len(tokenizer(token)["input_ids"]) for token in SPECIAL] == [1] * len(SPECIAL)


def test_the_alpaca_prompt_is_the_published_one(alpaca):
    with_input, without = (
        Record.from_instruction("Add.", "5", input="2 3"),
        Record.from_instruction("Add 2 and 3.", "5"),
    )
    rows = alpaca.encode([with_input, without])
    assert text(alpaca, rows[0].prompt) == (
        "Below is an instruction that describes a task, paired with an input that provides further "
        "context. Write a response that appropriately completes the request.\n\n"
        "### Instruction:\nAdd.\n\n### Input:\n2 3\n\n### Response:"
    )
    assert text(alpaca, rows[1].prompt) == (
        "Below is an instruction that describes a task. Write a response that appropriately "
        "completes the request.\n\n### Instruction:\nAdd 2 and 3.\n\n### Response:"
    )
    assert text(alpaca, rows[1].response) == "5<|eos|>"


def test_a_custom_template_sees_instruction_and_input_apart():
    custom = (
        "Q: {{ instruction }}{% if input %} IN: {{ input }}{% endif %} A:"
        "{% if not add_generation_prompt %}{{ messages[-1].content }}{% endif %}"
    )
    chat = ChatFormat(tiny_tokenizer(), custom)
    [row] = chat.encode([Record.from_instruction("add", "5", input="2 3")])
    assert text(chat, row.prompt) == "Q: add IN: 2 3 A:"
    [row] = chat.encode([MULTI_TURN])  # all of it, though the template prints one turn
    assert "be brief" in text(chat, row.prompt)
    assert "first answer" in text(chat, row.prompt)


def test_further_arguments_reach_the_template():
    form = "{{ tone }}" + tiny_tokenizer().chat_template
    chat = ChatFormat(tiny_tokenizer(), form, {"tone": "kind"})
    assert text(chat, chat.encode([Record.from_instruction("why?", "so")])[0].prompt).startswith(
        "kind<|start|>user"
    )
    with pytest.raises(SettingsError, match="`template_kwargs` cannot set 'messages'"):
        ChatFormat(tiny_tokenizer(), form, {"messages": []})


def test_a_text_without_end_is_cut_before_it_is_tokenized(llama):
    record = Record.from_instruction("q " * 5_000_000, "a " * 5_000_000)
    start = time.monotonic()
    [row] = llama.encode([record], max_length=64)
    [prompt] = llama.prompts_each([record.conversation], 64)
    assert time.monotonic() - start < 20
    assert row.cut
    assert prompt.cut
    assert row.size == 64
    assert text(llama, prompt.ids).endswith("q q <|end|>\n<|start|>assistant\n")
