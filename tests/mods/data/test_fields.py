from __future__ import annotations

from mods.data.fields import FIELDS, LOUD, SEVERAL, media_kind
from mods.data.schemas import SCHEMAS


def test_every_field_of_every_schema_has_columns_and_none_is_left_over():
    fields = {f for schema in SCHEMAS.values() for f in schema.required + schema.optional}
    assert fields == set(FIELDS)
    assert set(SEVERAL) <= set(FIELDS)


def test_columns_are_written_as_they_are_compared():
    assert all(name == name.strip().lower() for names in FIELDS.values() for name in names)


def test_weighty_columns_are_loud_and_common_words_are_not():
    assert {"tools", "system", "article", "history", "chosen"} <= LOUD
    assert not {"data", "label", "target"} & LOUD


def test_the_name_of_a_column_says_what_media_it_holds():
    kinds = [media_kind(name) for name in ("image", "Images", "video", " audios")]
    assert kinds == ["image", "image", "video", "audio"]
