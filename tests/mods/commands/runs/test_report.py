"""`mods report`: the page again, in the folder or elsewhere, never over a file of the run."""


def test_the_page_is_drawn_again(data, mods, toy_run, tmp_path):
    run = tmp_path / "run"
    mods(*toy_run(data, run))
    before = (run / "report.html").read_bytes()
    (run / "report.html").unlink()
    assert mods("report", run).output.strip() == str(run / "report.html")
    assert (run / "report.html").read_bytes() == before
    mods("report", run, "-o", tmp_path / "new" / "page.html")
    assert (tmp_path / "new" / "page.html").read_bytes() == before
    result = mods("report", run, "-o", run / "manifest.json", code=1)
    assert "would overwrite" in result.output
    assert "holds no run" in mods("report", tmp_path, code=1).output
