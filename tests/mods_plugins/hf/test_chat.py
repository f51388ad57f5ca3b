import pytest
from support.tiny_models import SPECIAL, tiny_tokenizer
from support.turns import MULTI_TURN, RICH

from mods import Conversation, Message, ModsError, Record
from mods_plugins.hf.chat import PROBE, ChatFormat, Encoded

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
    conversations = [row.conversation for row in rows]
    whole = [row.prompt for row in chat.encode(rows)]
    assert chat.prompts(conversations, 1000) == whole
    asked = chat.prompts(conversations, limit)
    assert max(map(len, asked)) <= limit
    cut = chat.encode(rows, 2 * limit)
    for prompt, short, row in zip(whole, asked, cut, strict=True):
        assert row.prompt == (short if len(prompt) >= 2 * limit else prompt)


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
        "be brief\n\n### Instruction:\none\n\n### Response:\nfirst answer<|eos|>"
        "\n\n### Instruction:\ntwo\n\n### Response:\n"
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
    with pytest.raises(ModsError, match="fails even on a plain question and answer: no; "):
        chat.encode([Record.from_instruction("NO", "so")])


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
    assert tight.prompt == whole.prompt[-20:]
    assert text(llama, tight.response) == "second answer<|end|>"


def test_what_a_turn_holds_besides_its_text_changes_no_prompt(llama):
    plain = Record.from_turns(
        [Message(turn.role, turn.content) for turn in RICH.messages], RICH.instruction
    )
    assert llama.encode([RICH]) == llama.encode([plain])


def test_special_tokens_of_the_tiny_tokenizer_are_single():
    tokenizer = tiny_tokenizer()
    assert [len(tokenizer(token)["input_ids"]) for token in SPECIAL] == [1] * len(SPECIAL)
