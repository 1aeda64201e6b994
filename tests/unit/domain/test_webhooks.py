"""Signatures as receivers check them, and what becomes of a secret that is replaced."""

import msgspec
import openai
import pytest

from chalicelib.domain.webhooks import (
    MOST_SECRETS,
    OVERLAP_SECONDS,
    SECRET_BYTES,
    SigningSecret,
    Webhook,
    new_secret,
    rotated,
    signed,
)
from tests.builders import NOW

OLD, NEW = new_secret(b"o" * SECRET_BYTES), new_secret(b"n" * SECRET_BYTES)
HOOK = Webhook("https://hooks.example.com/", (OLD,))
BODY = b'{"id":"evt_1"}'


def verified(secret, headers, body=BODY):
    """Whether OpenAI's client takes it; its clock is not ours."""
    client = openai.OpenAI(api_key="k", base_url="http://127.0.0.1:1")
    try:
        client.webhooks.verify_signature(body.decode(), headers, secret=secret.text, tolerance=10**12)
    except openai.InvalidWebhookSignatureError:
        return False
    return True


def test_the_example_of_standard_webhooks_is_signed_as_it_says():
    secret = SigningSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'

    headers = signed(Webhook("", (secret,)), "msg_p5jXN8AQM9LWM0D4loKWxJek", body, 1614265330)

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_openais_client_takes_the_signature_and_no_other():
    headers = signed(HOOK, "evt_1", BODY, NOW)

    assert verified(OLD, headers)
    assert not verified(NEW, headers)
    assert not verified(OLD, headers, BODY + b" ")
    assert not verified(OLD, {**headers, "webhook-id": "evt_2"})
    assert not verified(OLD, {**headers, "webhook-timestamp": str(NOW + 1)})


def test_both_secrets_sign_while_one_replaces_the_other():
    hook = rotated(HOOK, NEW, NOW)

    within, after = (signed(hook, "evt_1", BODY, NOW + passed) for passed in (OVERLAP_SECONDS - 1, OVERLAP_SECONDS))

    assert verified(OLD, within)
    assert verified(NEW, within)
    assert not verified(OLD, after)
    assert verified(NEW, after)


def test_a_secret_that_is_replaced_again_lives_no_longer_for_it():
    hook = rotated(rotated(HOOK, NEW, NOW), new_secret(b"x" * SECRET_BYTES), NOW + 10)

    assert [each.until for each in hook.secrets] == [None, NOW + 10 + OVERLAP_SECONDS, NOW + OVERLAP_SECONDS]


def test_no_more_secrets_are_kept_than_there_may_be():
    hook = HOOK
    for number in range(10):
        hook = rotated(hook, new_secret(bytes([number]) * SECRET_BYTES), NOW)

    assert len(hook.secrets) == MOST_SECRETS
    assert hook.secrets[0] == new_secret(bytes([9]) * SECRET_BYTES)


def test_a_secret_is_not_shown():
    assert OLD.text[10:] not in repr(HOOK)


def test_a_secret_takes_enough_randomness():
    with pytest.raises(ValueError, match="32"):
        new_secret(b"short")


def test_a_webhook_survives_its_encoding():
    hook = rotated(HOOK, NEW, NOW)

    assert msgspec.json.decode(msgspec.json.encode(hook), type=Webhook) == hook
