"""The environment, read once: every fault at the same time, and no secret shown."""

import re
from dataclasses import fields

import pytest

from chalicelib.settings import Settings, SettingsError, read


def test_an_empty_environment_is_a_developers_machine():
    settings = read({})

    assert settings == Settings()
    assert settings.local


def test_every_setting_is_read_from_a_variable_of_its_name():
    environ = {
        "TIDEGATE_STAGE": "solo",
        "TIDEGATE_PEPPER": "pepper",
        "TIDEGATE_CACHE": "off",
        "TIDEGATE_LEASE_SECONDS": "1200",
        "TIDEGATE_UPSTREAM": " simulated://echo ",
    }

    settings = read({**environ, "PATH": "/bin", "TIDEGATES": "no"})

    assert (settings.stage, settings.pepper, settings.cache) == ("solo", "pepper", False)
    assert (settings.lease_seconds, settings.upstream) == (1200, "simulated://echo")
    assert not settings.local


def test_every_fault_is_told_at_once():
    environ = {
        "TIDEGATE_STAGE": "solo",
        "TIDEGATE_CACHE": "perhaps",
        "TIDEGATE_LEASE_SECONDS": "0",
        "TIDEGATE_CACHE_TTL_SECONDS": "soon",
        "TIDEGATE_STAEG": "solo",
    }

    with pytest.raises(SettingsError) as caught:
        read(environ)

    told = str(caught.value).splitlines()
    for name in ("CACHE:", "LEASE_SECONDS:", "CACHE_TTL_SECONDS:", "STAEG is not a setting", "PEPPER"):
        assert any(name in line for line in told), name


@pytest.mark.parametrize("text", ["1", "true", "YES", " on "])
def test_yes_is_said_in_many_ways(text):
    assert read({"TIDEGATE_CACHE": text}).cache is True


@pytest.mark.parametrize("text", ["0", "false", "No", "OFF"])
def test_so_is_no(text):
    assert read({"TIDEGATE_CACHE": text}).cache is False


@pytest.mark.parametrize("secret", ["TIDEGATE_PEPPER", "TIDEGATE_PEPPERS_SECRET"])
def test_a_deployed_stage_needs_a_pepper(secret):
    with pytest.raises(SettingsError, match="PEPPER"):
        read({"TIDEGATE_STAGE": "solo"})

    assert read({"TIDEGATE_STAGE": "solo", secret: "x"})


def test_secrets_are_left_out_of_repr():
    settings = read({"TIDEGATE_PEPPER": "canary-a", "TIDEGATE_UPSTREAM_KEY": "canary-b"})

    assert "canary" not in repr(settings)


def test_a_table_is_named_for_its_stage():
    assert read({}).table("ledger") == "tidegate-local-ledger"


def test_every_setting_has_a_default_of_a_kind_that_can_be_read():
    assert {type(each.default) for each in fields(Settings)} <= {bool, float, int, str}


def test_zero_seconds_switch_a_wait_off():
    assert read({"TIDEGATE_FLIGHT_SECONDS": "0"}).flight_seconds == 0

    with pytest.raises(SettingsError, match="TIDEGATE_FLIGHT_SECONDS: not a whole number from 0 to 1,000,000,000"):
        read({"TIDEGATE_FLIGHT_SECONDS": "-1"})


NUMBERS = [each for each in fields(Settings) if type(each.default) in {int, float}]


@pytest.mark.parametrize("text", ["soon", "", "-1", "nan", "inf", "1e999", "9" * 30, "9" * 5_000, "0x10", "1,5"])
@pytest.mark.parametrize("setting", NUMBERS, ids=lambda each: each.name)
def test_a_number_that_cannot_be_is_named_with_what_can(setting, text):
    name = f"TIDEGATE_{setting.name.upper()}"

    with pytest.raises(SettingsError) as caught:
        read({name: text})

    assert re.fullmatch(
        rf"{name}: not a (whole number from [01] to 1,000,000,000|number from 0 to 1)", str(caught.value)
    )


@pytest.mark.parametrize("text", ["", "https", "0", "65536", "443,", "443;80", "9" * 5_000])
def test_ports_that_cannot_be_are_refused_in_words(text):
    with pytest.raises(SettingsError, match=r"^TIDEGATE_WEBHOOK_PORTS: not port numbers, with commas between them$"):
        read({"TIDEGATE_WEBHOOK_PORTS": text})


@pytest.mark.parametrize("text", ["nan", "TRACE", "info"])
def test_a_level_that_no_log_has_is_refused(text):
    with pytest.raises(SettingsError, match=r"^TIDEGATE_LOG_LEVEL is one of DEBUG, INFO, WARNING, ERROR, CRITICAL$"):
        read({"TIDEGATE_LOG_LEVEL": text})
