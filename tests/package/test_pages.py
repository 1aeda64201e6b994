"""The pages are in what is deployed, whole, and as small as a visitor's first view allows."""

from tests.package.conftest import ROOT

FOLDER = "chalicelib/web/"
MOST_BYTES = 150 * 1024


def test_every_file_of_the_pages_is_in_the_package(archive):
    packed = {name.removeprefix(FOLDER): archive.read(name) for name in archive.namelist() if name.startswith(FOLDER)}
    here = {path.name: path.read_bytes() for path in (ROOT / FOLDER).iterdir()}

    assert {"chat.html", "chat.js", "usage.html"} <= packed.keys()
    assert packed == here
    assert sum(len(each) for each in packed.values()) <= MOST_BYTES
