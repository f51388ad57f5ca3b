import pickle
from dataclasses import replace

from support.tuned import ROWS, TUNING, trainer

from mods_plugins.hf.tuning.job import Job


def test_a_job_can_be_sent_and_only_the_first_of_several_writes_the_weights(path, tmp_path):
    load = trainer(path).given.load
    tuning = replace(TUNING, epochs=1)
    folder = tmp_path / "tuned"
    job = pickle.loads(
        pickle.dumps(Job(load, ROWS[:4], tuning, tmp_path / "checkpoints", 1, folder, "base"))
    )
    job.run(2, first=False)
    assert not folder.exists()
    job.run(2)
    assert '"base_model_name_or_path": "base"' in (folder / "adapter_config.json").read_text()
