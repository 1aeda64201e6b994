"""What the browser tests stand on: chromium reaches the product, and what goes wrong in a page is seen."""


def test_the_browser_reaches_the_product(visit):
    here = visit()

    answer = here.open("health")

    assert answer.status == 200
    assert '"ok"' in here.page.content()


def test_what_goes_wrong_in_a_page_is_a_fault(visit):
    here = visit()
    here.open("health")

    with here.page.expect_event("pageerror"):
        here.page.evaluate("() => { setTimeout(() => { throw new Error('broken') }) }")
    with here.page.expect_event("requestfailed"):
        here.page.evaluate("() => { new Image().src = 'http://127.0.0.1:9/pixel' }")

    assert "broken" in here.faults[0]
    assert "asked http://127.0.0.1:9/pixel" in here.faults
    assert [fault for fault in here.faults if "Content Security Policy" in fault]
    here.faults.clear()


def test_axe_sees_what_is_wrong(visit):
    here = visit()
    here.open("health")

    here.page.evaluate("() => document.body.append(document.createElement('button'))")

    assert "button-name" in {rule for rule, *_ in here.violations()}
