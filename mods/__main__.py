"""`python -m mods`: the `mods` command."""

from mods.cli import main

if __name__ == "__main__":
    main(prog_name="mods")
