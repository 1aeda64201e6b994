"""Keys: minted, read, verified, and refused."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import Misconfigured, Unauthorized
from chalicelib.domain.identity import (
    RANDOM_BYTES,
    Credential,
    Key,
    PepperGone,
    Peppers,
    Principal,
    mint,
    parse_token,
    state_of,
    tenant_tag,
    user_tag,
    verify,
)
from tests.builders import NOW, PEPPERS, a_credential, a_key

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=20)
randoms = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


@given(tenant=names, user=names, live=st.booleans(), random=randoms)
def test_a_minted_key_is_read_and_verified(tenant, user, live, random):
    credential = mint(tenant, user, live=live, random=random)
    key = a_key(credential, tenant, user)

    principal = verify(parse_token(credential.token), key, PEPPERS, NOW)

    assert principal == Principal(tenant, user, credential.key_id, frozenset({"chat"}), "standard")
    assert credential.token.startswith("tg_live_" if live else "tg_test_")


@given(tenant=names, user=names, random=randoms)
def test_a_keys_id_begins_with_its_owners_tags(tenant, user, random):
    credential = mint(tenant, user, live=True, random=random)
    principal = verify(credential, a_key(credential, tenant, user), PEPPERS, NOW)

    tags = (tenant_tag(tenant), user_tag(tenant, user))

    assert (credential.tenant_tag, credential.user_tag) == tags
    assert (principal.tenant_tag, principal.user_tag) == tags
    assert principal.owner == ".".join(tags)


@given(owners=st.lists(st.tuples(names, names), min_size=2, max_size=2, unique=True))
def test_two_owners_have_two_tags(owners):
    first, second = owners

    assert user_tag(*first) != user_tag(*second)
    assert (tenant_tag(first[0]) == tenant_tag(second[0])) == (first[0] == second[0])


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "active"),
        ({"expires_at": NOW + 1}, "active"),
        ({"expires_at": NOW}, "expired"),
        ({"revoked_at": NOW - 1}, "revoked"),
        ({"revoked_at": NOW - 1, "expires_at": NOW - 1}, "revoked"),
    ],
)
def test_a_key_is_told_as_good_or_why_it_is_not(fields, state):
    assert state_of(a_key(a_credential(), **fields), NOW) == state


TOKEN = a_credential().token


@given(place=st.integers(0, len(TOKEN) - 1), letter=st.characters())
def test_a_token_with_another_letter_is_unauthorized(place, letter):
    tampered = TOKEN[:place] + letter + TOKEN[place + 1 :]

    if tampered != TOKEN:
        with pytest.raises(Unauthorized):
            parse_token(tampered)


@pytest.mark.parametrize(
    "tampered",
    [
        "",
        TOKEN[:-1],
        TOKEN + "a",
        TOKEN + "\n",
        " " + TOKEN,
        TOKEN.upper(),
        TOKEN.replace("tg_test", "tg_live"),
        TOKEN.replace("tg_test", "tg_prod"),
        TOKEN.replace("tg_", "sk_"),
        TOKEN.replace("_", "-"),
        "tg_test__" + TOKEN[-39:],
        "x" * 1_000_000,
    ],
)
def test_a_token_that_is_none_of_ours_is_unauthorized(tampered):
    with pytest.raises(Unauthorized):
        parse_token(tampered)


@given(st.text(max_size=200))
def test_any_text_is_unauthorized(text):
    with pytest.raises(Unauthorized):
        parse_token(text)


CREDENTIAL = a_credential()
OTHER = a_credential("acme", "bob")


@pytest.mark.parametrize(
    "key",
    [
        None,
        a_key(CREDENTIAL, digest=PEPPERS.digest(OTHER.token, 1)),
        a_key(CREDENTIAL, digest=""),
        a_key(CREDENTIAL, digest="0" * 64),
        a_key(CREDENTIAL, digest=CREDENTIAL.token),
        a_key(CREDENTIAL, tenant="evil"),
        a_key(CREDENTIAL, user="bob"),
        a_key(CREDENTIAL, revoked_at=NOW + 60),
        a_key(CREDENTIAL, revoked_at=0),
        a_key(CREDENTIAL, expires_at=NOW),
        a_key(CREDENTIAL, expires_at=0),
    ],
)
def test_a_key_that_does_not_fit_is_unauthorized(key):
    with pytest.raises(Unauthorized) as caught:
        verify(CREDENTIAL, key, PEPPERS, NOW)

    assert caught.value.message == Unauthorized().message


def test_a_key_is_good_until_the_second_it_expires():
    assert verify(CREDENTIAL, a_key(CREDENTIAL, expires_at=NOW), PEPPERS, NOW - 0.001)


def test_an_older_pepper_still_verifies_its_keys():
    key = a_key(CREDENTIAL)

    rotated = Peppers(2, {**PEPPERS.by_version, 2: b"newer"})

    assert verify(CREDENTIAL, key, rotated, NOW)
    assert rotated.digest(CREDENTIAL.token, 1) != rotated.digest(CREDENTIAL.token, 2)


def test_a_digest_of_another_pepper_is_unauthorized():
    key = a_key(CREDENTIAL, digest=Peppers(1, {1: b"other"}).digest(CREDENTIAL.token, 1))

    with pytest.raises(Unauthorized):
        verify(CREDENTIAL, key, PEPPERS, NOW)


@pytest.mark.parametrize("credential", [CREDENTIAL, Credential(CREDENTIAL.key_id, "", a_key(CREDENTIAL).digest)])
def test_a_key_ends_with_its_pepper_also_where_it_was_let_in_before(credential):
    with pytest.raises(PepperGone) as caught:
        verify(credential, a_key(CREDENTIAL, pepper_version=7), PEPPERS, NOW)

    assert caught.value.message == Unauthorized().message


class Looking:
    """Peppers of which a newer one is found when it is asked for by its version."""

    def holding(self, version=None):
        return Peppers(2, {**PEPPERS.by_version, 2: b"newer"}) if version == 2 else PEPPERS


def test_a_key_of_a_newer_pepper_has_the_process_look_for_it():
    digest = Looking().holding(2).digest(CREDENTIAL.token, 2)
    newer = a_key(CREDENTIAL, digest=digest, pepper_version=2)

    assert verify(CREDENTIAL, newer, Looking(), NOW).key_id == CREDENTIAL.key_id
    with pytest.raises(Unauthorized):
        verify(CREDENTIAL, None, Looking(), NOW)


def test_a_new_digest_takes_a_pepper_that_is_there():
    with pytest.raises(Misconfigured, match="pepper version 7 is not configured"):
        PEPPERS.digest(CREDENTIAL.token, 7)


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format])
def test_a_secret_is_never_shown(show):
    assert CREDENTIAL.token not in show(CREDENTIAL)
    assert CREDENTIAL.token[-39:] not in show(CREDENTIAL)
    assert "pepper" not in show(PEPPERS).removeprefix("Peppers")


def test_a_stored_key_holds_no_token():
    assert CREDENTIAL.token[-39:] not in msgspec.json.encode(a_key(CREDENTIAL)).decode()
    assert "token" not in Key.__struct_fields__


@pytest.mark.parametrize("length", [0, RANDOM_BYTES - 1, RANDOM_BYTES + 1])
def test_a_key_takes_exactly_its_randomness(length):
    with pytest.raises(ValueError, match="random bytes"):
        mint("acme", "ada", live=True, random=b"x" * length)


def test_each_random_bit_makes_another_key():
    tokens = {mint("a", "b", live=True, random=(1 << bit).to_bytes(RANDOM_BYTES, "big")).token for bit in range(200)}

    assert len(tokens) == 200
