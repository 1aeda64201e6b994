import json

from tests.mutation.__main__ import outcomes, told


def written(folder, **codes):
    file = folder / "chalicelib" / "domain" / "budget.py.meta"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"exit_code_by_key": codes}))
    return outcomes(folder)


def test_nine_found_in_ten_are_enough_and_the_tenth_is_named(tmp_path, capsys):
    found = written(tmp_path, **{f"m{number}": 1 for number in range(8)}, late=36, missed=0)

    assert told(found) == 0
    assert "chalicelib/domain/budget.py: 90.0% of 10\n    missed\n" in capsys.readouterr().out


def test_what_no_test_reaches_or_nobody_looked_at_is_not_found(tmp_path):
    assert told(written(tmp_path, **{f"m{number}": 1 for number in range(8)}, untested=33, unseen=None)) == 1


def test_no_mutant_at_all_is_too_little(tmp_path):
    assert told(outcomes(tmp_path)) == 1
