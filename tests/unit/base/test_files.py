"""What a file is, and what tells it from another one in its place."""

import os
import shutil

import pytest

from pdetransfer.base.files import fingerprint, read_json


@pytest.fixture(params=["file", "folder"])
def given(request, tmp_path):
    """A path, and the file that is changed: itself, or one inside the folder."""
    path = tmp_path / "given"
    inner = path if request.param == "file" else path / "deep/inner"
    inner.parent.mkdir(parents=True, exist_ok=True)
    inner.write_text("content")
    os.utime(inner, (1000, 1000))
    return path, inner


def test_a_fingerprint_stays_while_nothing_changes(given):
    path, inner = given
    assert fingerprint(path) == fingerprint(str(path))
    inner.read_text()
    assert fingerprint(path) == fingerprint(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda inner: os.utime(inner, (999, 999)),
        lambda inner: os.utime(inner, (1001, 1001)),
        lambda inner: (inner.write_text("longer content"), os.utime(inner, (1000, 1000))),
    ],
    ids=["older", "newer", "another size"],
)
def test_another_file_has_another_fingerprint(given, change):
    path, inner = given
    before = fingerprint(path)
    change(inner)
    assert fingerprint(path) != before


def test_a_file_that_comes_or_goes_changes_the_fingerprint_of_its_folder(tmp_path):
    (tmp_path / "store").mkdir()
    seen = {fingerprint(tmp_path / "store")}
    for name in ("a", "b"):
        (tmp_path / "store" / name).write_text("")
        seen.add(fingerprint(tmp_path / "store"))
    shutil.move(tmp_path / "store/a", tmp_path / "store/c")
    seen.add(fingerprint(tmp_path / "store"))
    assert len(seen) == 4


def test_what_is_not_there_has_no_fingerprint(tmp_path):
    assert fingerprint(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"", "it is empty"), (b'{"count": ', "Expecting value"), (b"\xff\xfe", "codec can't decode")],
)
def test_json_that_cannot_be_read_is_named(tmp_path, content, what):
    path = tmp_path / "train.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"train.json is no JSON that can be read: .*{what}"):
        read_json(path)
