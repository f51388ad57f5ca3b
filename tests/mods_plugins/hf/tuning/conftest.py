"""A small model to tune."""

import pytest
from support.tiny_models import tiny_llama


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return str(tiny_llama(tmp_path_factory.mktemp("llama")))
