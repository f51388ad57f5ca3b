"""What plug-ins are tried on."""

from __future__ import annotations

from mods.testing import sample_evidence, sample_pool, sample_records


def test_samples_are_fresh_and_varied() -> None:
    records = sample_records()
    records[0].raw["spoilt"] = True  # type: ignore[index]
    assert "spoilt" not in sample_records()[0].raw
    assert any(len(record.messages) > 3 for record in records)
    assert any(record.response == "" for record in records)
    assert len({record.id for record in records}) == len(records)
    evidence = sample_evidence(records, ("answers", "losses"))
    assert len(evidence.answers) == len(evidence.losses) == len(records)
    assert sample_evidence(records[:1]).answers == ["What is 3 times 4?"]
    pool = sample_pool()
    assert pool.embeddings is not None
    assert (pool.embeddings.shape, list(pool.scores)) == ((24, 8), ["quality"])
