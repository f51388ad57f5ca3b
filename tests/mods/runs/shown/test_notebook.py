"""A run in a notebook: nothing from data becomes markup, and two plots are there."""

import base64
import re
from dataclasses import replace


def test_a_selection_shows_its_table_and_picture(select):
    page = select()._repr_html_()
    assert "<th>total</th><td>14</td><td>27</td><td>0</td>" in page
    picture = re.search(r'src="data:image/png;base64,([^"]+)"', page)[1]
    assert base64.b64decode(picture).startswith(b"\x89PNG")


def test_what_is_in_data_is_shown_as_text(select):
    selection = select()
    evil = '<script>alert(1)</script><img src=x onerror="alert(2)">\u202e\x1b[2J'
    for receipt in selection.receipts:
        receipt.reason = evil
    shown = replace(selection, manifest={**selection.manifest, "notices": [evil]})
    page = shown._repr_html_()
    assert page.count("&lt;script&gt;alert(1)") == 5 + 1  # by stage and fate, and the note
    assert "<script" not in page
    assert page.count("<img") == 1
    assert "\u202e" not in page
    assert "\x1b" not in page
