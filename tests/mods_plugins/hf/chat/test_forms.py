"""The forms of a conversation, from rich to plain."""

from support.turns import RICH

from mods import Conversation, Message
from mods_plugins.hf.chat.forms import forms_of, marked


def test_the_first_form_is_the_conversation_itself_and_the_last_one_user_turn():
    forms = list(forms_of(RICH.conversation))
    assert forms[0].turns == RICH.conversation.turns
    assert forms[0].tools == RICH.conversation.tools
    assert [turn.role for turn in forms[-1].turns] == ["user"]
    assert forms[-1].tools == ()


def test_no_form_loses_a_text():
    turns = (Message("system", "be"), Message("user", "a"), Message("user", "b"))
    for form in forms_of(Conversation(turns, "b")):
        whole = " ".join(turn.content for turn in form.turns)
        assert all(text in whole for text in ("be", "a", "b"))


def test_marks_stand_for_every_part_that_a_template_could_skip():
    form, marks = marked(next(iter(forms_of(RICH.conversation))))
    assert form.shape == next(iter(forms_of(RICH.conversation))).shape
    assert len(set(marks)) == len(marks) > 1
