"""The list of what a deployment contains is true, and names no licence that binds its users."""

import re

from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from infra.sbom import bill, licence, pins
from tests.package.test_zip import locked

FREE = re.compile(r"\b(MIT|MIT-0|BSD|BSD-3-Clause|Apache|Apache-2\.0|PSF-2\.0|MPL 2\.0|Zlib|CC0-1\.0)\b")


def test_it_is_a_cyclonedx_document():
    text = JsonV1Dot6(bill()).output_as_string()

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_it_names_what_the_zip_holds_and_no_more():
    assert {component.name for component in bill().components} == locked() | {"chalice", "wordllama"}


def test_every_package_has_hashes_and_a_version():
    assert all(pin.hashes and pin.version for pin in pins())


def test_every_licence_is_known_and_free():
    assert [pin.name for pin in pins() if not FREE.search(licence(pin.name))] == []
