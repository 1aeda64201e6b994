"""Authorization headers of no use to anybody, made from a seed: many have nearly all of a real token."""

import base64
import zlib
from random import Random

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
CHECKSUM = 7
UNLIKE = ["\x00", "\n", "\r\n", "\t", " ", "é", "ａ", "\u202e", "\ufeff", "%00", "A", "_", "=", "1", "🌊", "\ud800"]
SCHEMES = ["Bearer", "bearer", "BEARER"]
OTHER_SCHEMES = ["", "Basic", "Digest", "Token", "Bearer:", "Bearer=", "Bear", "Bearer\x00", "Bearer\u00a0", "Ｂearer"]
WHOLE = [
    "",
    " ",
    "Bearer",
    "Bearer ",
    "Bearer null",
    "Bearer undefined",
    "Bearer tg_live_",
    "Bearer ../../etc/passwd",
    "Bearer ' OR 1=1 --",
    "Bearer ${jndi:ldap://x.test/a}",
    "Bearer {}",
    "Bearer eyJhbGciOiJub25lIn0.eyJzY29wZXMiOlsiYWRtaW4iXX0.",
    "Basic dXNlcjpwYXNz",
    "Bearer " + "x" * 100_000,
    "Bearer " + "tg_live_" * 10_000,
    "x" * 1_000_000,
]


def summed(body):
    """`body` with the checksum that anybody can work out."""
    return body + base64.b32encode(zlib.crc32(body.encode()).to_bytes(4, "big")).decode().rstrip("=").lower()


def another(random, letter):
    return random.choice(ALPHABET.replace(letter, ""))


def cut(random, token):
    return token[: random.randrange(len(token))]


def longer(random, token):
    return token + random.choice(ALPHABET) * random.randint(1, 3)


def mistyped(random, token):
    place = random.randrange(len(token))
    return token[:place] + another(random, token[place]) + token[place + 1 :]


def strewn(random, token):
    place = random.randrange(1, len(token))
    return token[:place] + random.choice(UNLIKE) + token[place + random.randint(0, 1) :]


def shouted(_, token):
    return token.upper()


def doubled(random, token):
    return token + random.choice([",", ", ", ";", "\x00", " ", "\n", ""]) + token


def well_formed(random, token, first):
    """Another token with a good checksum that agrees with `token` as far as `first`, and from there on to its end."""
    body = token[:-CHECKSUM]
    place = random.randrange(first, len(body))
    letter = body[place]
    return summed(body[:place] + another(random, letter) + body[place + 1 :])


def other_secret(random, token):
    return well_formed(random, token, token.rindex("_") + 1)


def other_id(random, token):
    body = token[:-CHECKSUM]
    place = random.randrange(len("tg_live_"), token.rindex("_"))
    return summed(body[:place] + another(random, body[place]) + body[place + 1 :])


def other_kind(_, token):
    return summed(token[:-CHECKSUM].replace("_live_", "_test_"))


def other_checksum(random, token):
    return token[:-CHECKSUM] + "".join(random.choice(ALPHABET) for _ in range(CHECKSUM))


WELL_FORMED = (other_secret, other_id, other_kind)
ILL_FORMED = (cut, longer, mistyped, strewn, shouted, doubled, other_checksum)


def header(random, token):
    """A header, and how many digests it may cost to refuse it: one where its form is that of a token."""
    kind = random.randrange(10)
    if kind == 0:
        return random.choice(WHOLE), 0
    if kind == 1:
        return f"{random.choice(OTHER_SCHEMES)} {token}", 0
    if kind < 6:
        return f"{random.choice(SCHEMES)} {random.choice(WELL_FORMED)(random, token)}", 1
    return f"{random.choice(SCHEMES)} {random.choice(ILL_FORMED)(random, token)}", 0


def headers(seed, token, count):
    """`count` of them; a whitespace around a whole token is no fault, and left out."""
    random = Random(seed)
    made = 0
    while made < count:
        text, digests = header(random, token)
        if text.partition(" ")[2].strip() != token or text.partition(" ")[0].lower() != "bearer":
            made += 1
            yield text, digests
