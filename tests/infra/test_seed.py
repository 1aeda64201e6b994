"""A run whose settings cannot work says so before anything is made."""

import pytest

from infra.local.faults import CannotRun
from infra.local.seed import seed
from infra.local.workspace import Workspace

LOCAL = {"TIDEGATE_STAGE": "local", "TIDEGATE_PEPPER": "pepper"}


@pytest.fixture(autouse=True)
def no_account(monkeypatch, tmp_path):
    """No credentials, and an emulator that nobody listens for."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.mark.parametrize(
    ("upstream", "reason"),
    [
        ("foo://", "unknown scheme"),
        ("simulated://nope", "A simulated target is"),
        ("simulated://echo?x=1", "unknown field `x`"),
        ("openai+http:///v1", "An OpenAI-compatible target is"),
        ("openai+http://host:port/v1", "malformed"),
        ("bedrock://-", "-"),
    ],
)
def test_an_upstream_that_cannot_be_opened_is_named_with_the_reason(tmp_path, upstream, reason):
    with pytest.raises(CannotRun, match="UPSTREAM cannot be used: ") as refused:
        seed({**LOCAL, "TIDEGATE_UPSTREAM": upstream}, Workspace(tmp_path))

    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_catalogue_that_cannot_be_served_is_named_with_every_reason(tmp_path):
    (tmp_path / "pool.toml").write_text(
        '[[models]]\nid = "m"\nmax_output_tokens = 9\naliases = ["m"]\ntargets = [{ uri = "ftp://host" }]'
    )
    with pytest.raises(CannotRun, match="CATALOGUE cannot be used: ") as refused:
        seed({**LOCAL, "TIDEGATE_CATALOGUE": str(tmp_path / "pool.toml")}, Workspace(tmp_path))

    assert "'m' names 2 models; model 'm': target 'ftp://host' has an unknown scheme" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_settings_that_are_wrong_are_said_in_one_sentence(tmp_path):
    with pytest.raises(CannotRun) as refused:
        seed({**LOCAL, "TIDEGATE_NOPE": "1", "TIDEGATE_CACHE": "perhaps"}, Workspace(tmp_path))

    assert str(refused.value) == (
        "the settings are wrong: TIDEGATE_NOPE is not a setting; TIDEGATE_CACHE: neither true nor false"
    )


@pytest.mark.parametrize("upstream", ["", "openai+http://127.0.0.1:1/v1", "bedrock://us-west-2"])
def test_an_upstream_is_opened_without_a_call_and_without_credentials(upstream):
    from chalicelib import bootstrap, settings

    bootstrap.check(settings.read({**LOCAL, "TIDEGATE_UPSTREAM": upstream}))
