import pytest

from pdetransfer.base.files import read_json


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"", "it is empty"), (b'{"count": ', "Expecting value"), (b"\xff\xfe", "codec can't decode")],
)
def test_json_that_cannot_be_read_is_named(tmp_path, content, what):
    path = tmp_path / "train.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"train.json is no JSON that can be read: .*{what}"):
        read_json(path)
