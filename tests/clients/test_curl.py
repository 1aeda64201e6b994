"""The command that `make run` prints, pasted."""

import json
import subprocess

from tests.clients.product import surroundings


def test_the_printed_command_answers_from_the_folder_of_the_clone(product, clone):
    command = ["bash", "-c", product.example]

    pasted = subprocess.run(command, cwd=clone, env=surroundings(), capture_output=True, check=True)

    assert "“Hello”" in json.loads(pasted.stdout)["choices"][0]["message"]["content"]


def test_make_key_makes_one_that_works_at_once(product):
    key = product.make_key("acme", "ada")

    assert list(product.client(api_key=key).models.list())
