import pytest
from conftest import TOY


@pytest.fixture
def options(tmp_path):
    """What every call here gets."""
    return {"plugins": [TOY], "quiet": True, "cache": tmp_path / "cache"}
