"""`mods.read` tells what the command tells."""

import json

import mods as package


def test_read_equals_the_command_line(data, mods):
    told = json.loads(mods("read", data, "--json", "-q").output)
    reading = package.read(data, quiet=True)
    assert (reading.rows, len(reading.records)) == (told["rows"], told["records"])
    assert [row.reason for row in reading.broken] == [row["reason"] for row in told["broken"]]
