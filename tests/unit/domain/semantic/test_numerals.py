import pytest

from chalicelib.domain.semantic.numerals import numbers_in


@pytest.mark.parametrize(
    ("words", "value", "unit"),
    [
        ("12 kg", 12.0, "kg"),
        ("twelve kilograms", 12.0, "kg"),
        ("twenty five miles", 25.0, "mile"),
        ("30 k", 30_000.0, ""),
        ("2 million dollars", 2_000_000.0, "usd"),
        ("$ 1,500", 1_500.0, "usd"),
        ("40 %", 40.0, "%"),
        ("40 percent", 40.0, "%"),
        ("3 rd", 3.0, ""),
        ("third", 3.0, ""),
        ("two hundred thousand", 200_000.0, ""),
        ("12345678901234567890", "12345678901234567890", ""),
        ("1.2.3", "1.2.3", ""),
    ],
)
def test_a_number_is_read_with_its_unit(words, value, unit):
    (number,) = numbers_in(words.split())

    assert (number.value, number.unit) == (value, unit)


def test_one_is_no_number_since_it_is_mostly_a_pronoun():
    assert list(numbers_in(["which", "one", "is", "best"])) == []


def test_each_number_stands_where_it_was_found():
    found = list(numbers_in(["from", "3", "to", "twenty", "one", "days"]))

    assert [(number.value, number.start, number.end) for number in found] == [(3.0, 1, 2), (21.0, 3, 5)]
