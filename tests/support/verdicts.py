"""A verdict as `verdict.json` holds it, made of simulated values."""

import json
from dataclasses import asdict

import numpy as np

from mods.files import to_json
from mods.judging.statistics import judge

WORDS = {
    "selection": "the rows that mods selected",
    "random": "random rows",
    "balanced": "random rows, as many of every source",
    "longest": "the longest responses",
    "quality": "the best quality scores",
    "whole": "the whole pool at the same budget",
    "untuned": "the model before tuning",
}
SETS = {"self_instruct_252": 252, "vicuna": 80, "wizardlm": 218}


def trial(effects, prompts=252, draws=3, seeds=3, noise=0.1, luck=0.01, seed=0):
    """Values by arm: `effects` are added to what random draws have."""
    rng = np.random.default_rng(seed)
    base = 2 + rng.standard_normal(prompts)

    def arm(effect, m):
        by_draw, by_answer = (rng.standard_normal((m, *s)) for s in ((1, 1), (seeds, prompts)))
        return base + effect + luck * by_draw + noise * by_answer

    return {name: arm(effect, draws if name == "random" else 1) for name, effect in effects.items()}


def measure(effects, words, unit, better, sets=SETS, **options):
    sign = 1 if better == "higher" else -1
    effects = {name: sign * effect for name, effect in effects.items()}
    values = trial(effects, sum(sets.values()), **options)
    ends = np.cumsum([0, *sets.values()])
    places = {name: slice(*ends[i : i + 2]) for i, name in enumerate(sets)}
    judged = {
        name: asdict(judge({a: x[:, :, place] for a, x in values.items()}, better=better))
        for name, place in {**places, "all": slice(None)}.items()
    }
    return {
        "words": words,
        "unit": unit,
        "better": better,
        "range": [0, None],
        "independent": True,
        "by_set": judged,
        "counts": {"asked": 1650, "judged": 1648, "retried": 2, "ties_unparsed": 0},
    }


def verdict(effects=None, sets=SETS, **changes):
    if effects is None:
        effects = dict(zip(WORDS, (0.02, 0, 0.01, 0.03, -0.04, 0.0, -0.9), strict=True))
    loss = measure(effects, "loss on the human references", "nats a token", "lower", sets)
    alike = measure(
        {name: effect / 4 for name, effect in effects.items()},
        "similarity to the human references",
        "cosine",
        "higher",
        sets,
        noise=0.05,
        luck=0.005,
    )
    alike["independent"] = False
    draw = {
        "rows": 80,
        "tokens": 12_345,
        "updates": 30,
        "epochs": 3.0,
        "mean_response_tokens": 154.3,
    }
    whole = loss["by_set"]["all"]
    made = {
        "mods": "0.2.0",
        "status": "done",
        "word": whole["word"],
        "reason": whole["reason"],
        "primary": "loss",
        "run": {"folder_name": "demo-run", "rows": 80, "recipe": "offline"},
        "settings": {},
        "makes": {},
        "sets": {
            name: {"prompts": n, "references": n, "file": f"{name}.jsonl", "sha256": "0" * 64}
            for name, n in sets.items()
        },
        "arms": {
            name: {
                "words": WORDS[name],
                "matched": name != "untuned",
                "tuned": name != "untuned",
                "draws": [] if name == "untuned" else [draw] * (3 if name == "random" else 1),
                "seeds": [0, 1, 2],
            }
            for name in effects
        },
        "measures": {"similarity": alike, "loss": loss},
        "notes": ["the encoder that judges also placed the rows"],
        "costs": {"tuning": {"seconds": 512.4, "tokens": 814_000}, "answers": {"seconds": 1204}},
        **changes,
    }
    return json.loads(to_json(made))
