"""Pushing an export to the Hugging Face hub; the token comes from the environment alone."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from mods.errors import OutputError, SettingsError
from mods.wording import one_line

if TYPE_CHECKING:
    from mods.runs.export.folder import Export

TOKEN = "HF_TOKEN"


def check_hub(name: str) -> str:
    """Return the token; `SettingsError` where there is none, or for what is no name on the hub."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise SettingsError(f"`push_to_hub` {name!r}: expected USER/NAME")
    token = os.environ.get(TOKEN, "")
    if not token:
        raise SettingsError(
            f"`push_to_hub` {name}: no token; set {TOKEN} in the environment to one that may write"
        )
    return token


def push(made: Export, name: str, token: str, *, public: bool = False) -> str:
    """Push the files of an export as a data set, private unless `public`; returns its address.

    Raises `OutputError` with what the hub said; the folder on the disk stays whole.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi(token=token)
    try:
        api.create_repo(name, repo_type="dataset", private=not public, exist_ok=True)
        api.upload_folder(
            folder_path=made.folder,
            repo_id=name,
            repo_type="dataset",
            allow_patterns=[*made.files, "export.json"],
            commit_message=f"{made.exported:,} rows selected with mods",
        )
    except (HfHubHTTPError, OSError, ValueError) as error:
        said = one_line(error).replace(token, "…")
        raise OutputError(
            f"`push_to_hub` {name}: {said}; the export lies whole in {made.folder}"
        ) from error
    return f"https://huggingface.co/datasets/{name}"
