"""A model's name tells what it takes, wherever in an id, a profile or an ARN it stands."""

import pytest

from chalicelib.adapters.models.bedrock_traits import Traits, traits_of

EVERYWHERE = ("tools", "system", "messages")


@pytest.mark.parametrize(
    ("model", "traits"),
    [
        ("anthropic.claude-3-haiku-20240307-v1:0", Traits("none", "tool")),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", Traits("none", "tool")),
        ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", Traits("budget", "tool", "both", EVERYWHERE)),
        ("apac.anthropic.claude-sonnet-4-20250514-v1:0", Traits("budget", "tool", "both", EVERYWHERE)),
        ("us.anthropic.claude-opus-4-1-20250805-v1:0", Traits("budget", "tool", "one", EVERYWHERE)),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", Traits("budget", "native", "one", EVERYWHERE)),
        ("global.anthropic.claude-sonnet-4-6", Traits("adaptive", "native", "one", EVERYWHERE)),
        ("eu.anthropic.claude-opus-4-6-v1", Traits("adaptive", "native", "one", EVERYWHERE)),
        ("anthropic.claude-opus-4-7", Traits("adaptive", "tool", "none", EVERYWHERE)),
        ("anthropic.claude-opus-5", Traits("adaptive", "tool", "none", EVERYWHERE)),
        ("anthropic.claude-opus-5-5", Traits("adaptive", "words", "none", EVERYWHERE)),
        ("anthropic.claude-mythos-preview", Traits()),
        (
            "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
            Traits("budget", "native", "one", EVERYWHERE),
        ),
        ("arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-pro-v1:0", traits_of("amazon.nova-lite-v1:0")),
        ("us.amazon.nova-lite-v1:0", Traits(json="tool", cached=("system", "messages"))),
        ("global.amazon.nova-2-lite-v1:0", Traits("effort", "tool", cached=("system",))),
        ("arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/a1b2c3", Traits()),
        ("meta.llama3-3-70b-instruct-v1:0", Traits()),
        ("mistral.mistral-large-2407-v1:0", Traits()),
        ("", Traits()),
    ],
)
def test_the_traits_of_a_model(model, traits):
    assert traits_of(model) == traits
