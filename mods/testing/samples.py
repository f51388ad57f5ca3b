"""What plug-ins are tried on: records of many sorts, a pool, evidence; the same in every call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mods.interfaces import ANSWERS, EMBEDDINGS, LOSSES, QUALITY, TOKENS, Evidence
from mods.pool import Pool
from mods.records import Message, Record

ANSWER_WORDS = 8
"""Words of a made-up answer."""


def sample_records() -> list[Record]:
    """Return 24 records that differ in what plug-ins stumble over, the same in every call."""
    rows = [
        *(Record.from_instruction(f"What is {a} times {b}?", f"{a} times {b} is {a * b}.")
          for a, b in ((3, 4), (6, 7), (12, 12))),
        *(Record.from_instruction(*row) for row in _SINGLE_TURN),
        Record.from_instruction(
            "Tell a long story about a lighthouse.",
            " ".join(f"On night {night} the keeper lit lamp {night}." for night in range(40)),
        ),
        Record.from_instruction("Summarise the text.", "A list of words.", input="word " * 60),
        Record.from_instruction("What is rain?", "Falling water.", system="Answer briefly."),
        *(Record.from_turns([Message(*t) for t in turns], turns[-2][1]) for turns in _MULTI_TURN),
    ]  # fmt: skip
    return [
        replace(row, source="sample", row=number, raw={"tags": [number]})
        for number, row in enumerate(rows, start=1)
    ]


_SINGLE_TURN = (
    ("Name a fruit.", "Apple"),
    ("Name a fruit.", "A pear is a fruit that grows on trees, and it is ripe in autumn."),
    ("Say nothing.", ""),
    ("What is the capital of Norway?", "Oslo."),
    ("Write a function that doubles x.", "```python\ndef double(x):\n    return 2 * x\n```"),
    ("List three colours.", "1. Red\n2. Green\n3. Blue"),
    ("Why is the sky blue?", "Air scatters blue light more than red light, so blue reaches us."),
    ("Why is the sky blue?", "I'm sorry, but I cannot answer that."),
    ("¿Qué es el hielo?", "El hielo es agua en estado sólido."),
    ("Was ist ein Vulkan?", "Ein Vulkan ist ein Berg, aus dem Lava austritt."),
    ("什么是雪？", "雪是从云中落下的冰晶。"),
    ("日本で一番高い山は何ですか。", "日本で一番高い山は富士山です。"),
    ("ما هي عاصمة مصر؟", "القاهرة هي عاصمة مصر."),
    ("भारत की राजधानी क्या है?", "भारत की राजधानी नई दिल्ली है।"),
    ("Translate 'cat' and add a smile.", "Katze 🙂"),
)
_MULTI_TURN = (
    (
        ("user", "Recommend a tree for a small garden."),
        ("assistant", "A rowan stays small and feeds birds."),
        ("user", "Does it need much water?"),
        ("assistant", "No, once it has grown in, rain is enough."),
    ),
    (
        ("system", "You speak like a pirate."),
        ("user", "Hello!"),
        ("assistant", "Ahoy!"),
        ("user", "Where is the treasure?"),
        ("assistant", "Under the third palm, matey."),
    ),
    (("user", "Hi"), ("user", "Are you there?"), ("assistant", "Yes, I am here.")),
)


def sample_pool(needs: Sequence[str] = (EMBEDDINGS, QUALITY, TOKENS)) -> Pool:
    """Return the sample records with what a selector needs of them, made up.

    Vectors have the shape (24, 8); a need of another name becomes a score column of that name.
    """
    records = sample_records()
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(records), 8)).astype(np.float32)
    quality = rng.normal(size=len(records))
    names = [need for need in needs if need not in (EMBEDDINGS, QUALITY, TOKENS)]
    return Pool(
        records,
        vectors if EMBEDDINGS in needs else None,
        {
            **({QUALITY: quality} if QUALITY in needs else {}),
            **{name: rng.normal(size=len(records)) for name in names},
        },
        np.array([len(r.response) for r in records]) if TOKENS in needs else None,
    )


def sample_evidence(records: Sequence[Record], needs: Sequence[str] = (ANSWERS,)) -> Evidence:
    """Return what a necessity model needs, made up of each record's text alone.

    Answers are the last words of the prompt, losses lie between 1 and 2 nats.
    """
    answers = [" ".join(record.prompt.split()[-ANSWER_WORDS:]) for record in records]
    losses = [1 + len(record.response) % 97 / 97 for record in records]
    return Evidence(answers if ANSWERS in needs else (), losses if LOSSES in needs else ())
