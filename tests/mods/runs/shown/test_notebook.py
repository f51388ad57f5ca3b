"""A run in a notebook: nothing from data becomes markup, and two plots are there."""

import base64
import re
from dataclasses import replace

import pytest


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


def test_a_notebook_shows_a_selection(data, tmp_path):
    nbclient = pytest.importorskip("nbclient")
    import nbformat

    cell = (
        f"import mods\nmods.select({str(data)!r}, recipe='offline', quality='response-length', "
        f"embedder='tfidf', seeds=5, budget=5, cache={str(tmp_path / 'cache')!r}, quiet=True)"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=300).execute()
    (shown,) = (o for o in notebook.cells[0].outputs if o.output_type == "execute_result")
    assert "<th>total</th><td>5</td>" in shown["data"]["text/html"]
