"""A known fault fails the audit; advisories that cannot be reached are no clean bill."""

from infra.audit import Advisory, Audited, verdict

CLEAN = Audited("six", "1.17.0")
FAULTY = Audited("idna", "3.6", (Advisory("PYSEC-2024-60", ("3.7",)), Advisory("GHSA-1")))
UNKNOWN = Audited("events", skip_reason="not found")


def test_a_known_fault_fails_and_names_the_version_without_it():
    words = "idna 3.6: PYSEC-2024-60 (mended in 3.7), GHSA-1 (mended in no version yet)"

    assert verdict([CLEAN, FAULTY, UNKNOWN]) == (1, words)


def test_packages_that_were_looked_up_are_counted_and_others_named():
    assert verdict([CLEAN, CLEAN]) == (0, "audit: 2 packages, no known fault.")
    assert verdict([CLEAN, UNKNOWN]) == (0, "audit: 1 packages, no known fault; not looked up: events.")


def test_an_audit_that_asked_nobody_says_so():
    words = "audit: no advisory service could be reached: nothing was looked up."

    assert verdict([UNKNOWN]) == verdict([]) == (0, words)
