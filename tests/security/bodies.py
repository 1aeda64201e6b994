"""Bodies that are no good, made from good ones with a seed."""

import gzip
import json

DEEP = 100_000
BOMB = gzip.compress(b" " * 50_000_000)
"""As many bytes as no body may have, once somebody unpacks it."""


def text(body):
    return json.dumps(body, ensure_ascii=False)


def cut(random, body):
    return text(body)[: random.randrange(1, len(text(body)))] if body else "{"


def listed(_, body):
    return f"[{text(body)}]"


def marked(_, body):
    return b"\xef\xbb\xbf" + text(body).encode()


def wide(random, body):
    return text(body).encode(random.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32"]))


def packed(_, body):
    return gzip.compress(text(body).encode())


def bomb(_, body):
    return BOMB


def with_nul(random, body):
    whole = text(body)
    place = random.choice([0, 1, len(whole) - 1, len(whole)])
    return whole[:place] + "\x00" + whole[place:]


def more_behind(random, body):
    return text(body) + random.choice(["}", "{}", ",", "null", "\x00", "//", "\ufeff", text(body)])


def further(random, body, name, value):
    """A field more, first or last, its value any text."""
    inner = text(body)[1:-1]
    field = f'"{name}": {value}'
    parts = [part for part in random.sample([inner, field], 2) if part]
    return f"{{{', '.join(parts)}}}"


def unknown(random, body):
    name = random.choice(["colour", "__proto__", "constructor", "$where", "", "\u202e", "a\\u0000", "MODEL"])
    return further(random, body, name, random.choice(["1", "null", "{}", '"x"']))


def no_number(random, body):
    return further(
        random, body, "colour", random.choice(["NaN", "Infinity", "-Infinity", "0x7", "07", "1.", ".5", "+1"])
    )


def deep(random, body):
    opening, closing = random.choice([("[", "]"), ('{"a":', "}")])
    return further(random, body, "colour", opening * DEEP + "1" + closing * DEEP)


def crowded(random, body):
    return further(random, body, "colour", "[" + "1," * 999_999 + "1]")


def twice(random, body):
    """A name twice: the last one counts, and is no good."""
    name = random.choice([*body] or ["colour"])
    return text(body)[:-1] + (", " if body else "") + f'"{name}": ' + "[[7]]" + "}"


def surrogate(random, body):
    return further(random, body, "colour", random.choice(['"\\ud800"', '"\\udc00\\ud800"']))


def no_utf8(random, body):
    broken = random.choice([b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x80"])
    return further(random, body, "@", '"x"').encode().replace(b"@", broken)


def other_quotes(random, body):
    return (text(body) if body else '{"a": 1}').replace('"', random.choice(["'", "`", "“"]))


def in_a_string(_, body):
    return json.dumps(text(body))


KINDS = (
    cut,
    listed,
    marked,
    wide,
    packed,
    bomb,
    with_nul,
    more_behind,
    unknown,
    no_number,
    deep,
    crowded,
    twice,
    surrogate,
    no_utf8,
    other_quotes,
    in_a_string,
)


def flipped(random, body):
    """A good body with a few bytes changed, which may be good still."""
    raw = bytearray(text(body).encode())
    for _ in range(random.randint(1, 4)):
        raw[random.randrange(len(raw))] = random.randrange(256)
    return bytes(raw)
