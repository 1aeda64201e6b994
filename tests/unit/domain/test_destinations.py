"""Where a notice may go, by its URL and by what its name resolves to."""

import pytest

from chalicelib.domain.destinations import Destination, Reach, destination, is_public
from chalicelib.domain.errors import BadRequest

HOSTILE_URLS = [
    # not https, or no URL
    "",
    " ",
    "hooks.example.com",
    "//hooks.example.com/",
    "http://hooks.example.com/",
    "ftp://hooks.example.com/",
    "file:///etc/passwd",
    "gopher://hooks.example.com/",
    "javascript:alert(1)",
    "https:hooks.example.com",
    "https:///path",
    "https://",
    "https://?x",
    # what two readers could read in two ways
    "https://user@hooks.example.com/",
    "https://user:secret@hooks.example.com/",
    "https://hooks.example.com@127.0.0.1/",
    "https://hooks.example.com\\@127.0.0.1/",
    "https://127.0.0.1#@hooks.example.com/",
    "https://hooks.example.com/#fragment",
    "https://hooks.example.com/a b",
    " https://hooks.example.com/",
    "https://hooks.example.com/\r\nHost: 127.0.0.1",
    "https://hooks.example.com/\n",
    "https://hooks.example.com/\x00",
    "https://hooks.example.com/%zz",
    "https://hooks%2eexample.com/",
    "https://hooks.example.com:/",
    "https://hooks.example.com:0x1bb/",
    "https://hooks.example.com:+443/",
    # other ports
    "https://hooks.example.com:80/",
    "https://hooks.example.com:22/",
    "https://hooks.example.com:8443/",
    "https://hooks.example.com:0/",
    "https://hooks.example.com:65979/",  # 443 in 16 bits
    # names of this machine or its network
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://api.localhost/",
    "https://printer.local/",
    "https://router.lan/",
    "https://nas.home.arpa/",
    "https://metadata/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://instance-data.ec2.internal/latest/meta-data/",
    "https://ip-10-0-0-1.us-west-2.compute.internal/",
    "https://-hooks.example.com/",
    "https://hooks..example.com/",
    "https://.example.com/",
    "https://hooks_.example.com/",
    f"https://{'a' * 64}.example.com/",
    f"https://{'a.' * 130}com/",
    f"https://hooks.example.com/{'a' * 2_000}",
    # names that are written in other letters
    "https://bücher.example/",
    "https://ⓛocalhost/",
    "https://１２７.０.０.１/",
    "https://127。0。0。1/",
    # addresses that are not public
    "https://127.0.0.1/",
    "https://127.0.0.1:443/",
    "https://127.1.2.3/",
    "https://0.0.0.0/",
    "https://10.1.2.3/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.170.2/v2/credentials",
    "https://100.64.0.1/",
    "https://100.127.255.254/",
    "https://192.0.0.192/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    # addresses in unusual forms
    "https://2130706433/",
    "https://2852039166/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://127.0.0.0x1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.1/",
    "https://127.0.1/",
    "https://8.8.8.010/",
    "https://8.8.8.8./",
    "https://1.2.3.4.5/",
    "https://256.256.256.256/",
    "https://example.0x/",
    # IPv6
    "https://[::]/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "https://[ff02::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::1]/",
    "https://[2001::1]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[100::1]/",
    "https://[127.0.0.1]/",
    "https://[::1/",
    "https://::1/",
]
GOOD_URLS = {
    "https://hooks.example.com": Destination("hooks.example.com", 443, "/", tls=True),
    "https://hooks.example.com/": Destination("hooks.example.com", 443, "/", tls=True),
    "HTTPS://Hooks.Example.COM/Path": Destination("hooks.example.com", 443, "/Path", tls=True),
    "https://hooks.example.com:443/a/b?c=d&e=%20/": Destination("hooks.example.com", 443, "/a/b?c=d&e=%20/", tls=True),
    "https://hooks.example.com?c=d": Destination("hooks.example.com", 443, "/?c=d", tls=True),
    "https://xn--bcher-kva.example/": Destination("xn--bcher-kva.example", 443, "/", tls=True),
    "https://0x7f.com/": Destination("0x7f.com", 443, "/", tls=True),
    "https://8.8.8.8/": Destination("8.8.8.8", 443, "/", tls=True),
    "https://[2606:4700::1111]/": Destination("2606:4700::1111", 443, "/", tls=True),
}

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "172.15.255.255",
    "172.32.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "223.255.255.255",
    "192.167.0.1",
    "169.253.0.1",
    "2606:4700::1111",
    "2a00:1450::1",
    "2001:4860:4860::8888",
]
NOT_PUBLIC = [
    "127.0.0.1",
    "127.255.255.255",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:8.8.8.8",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "5f00::1",
    "",
    "localhost",
    "127.1",
]


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_what_may_not_be_reached_is_refused_by_its_url(url):
    with pytest.raises(BadRequest) as refused:
        destination(url, Reach())

    assert refused.value.param == "webhook.url"
    assert refused.value.message.startswith("'webhook.url' ")


@pytest.mark.parametrize("url", GOOD_URLS)
def test_a_public_place_is_taken_apart(url):
    assert destination(url, Reach()) == GOOD_URLS[url]


def test_an_operator_may_allow_ports():
    reach = Reach(ports=frozenset({443, 8443}))

    assert destination("https://hooks.example.com:8443/", reach).port == 8443
    with pytest.raises(BadRequest, match="443, 8443"):
        destination("https://hooks.example.com:8444/", reach)


def test_this_machine_is_reached_only_where_that_was_allowed_and_by_one_name():
    reach = Reach(loopback=True)

    assert destination("http://127.0.0.1:8080/hook", reach) == Destination("127.0.0.1", 8080, "/hook", tls=False)
    for url in ("http://127.0.0.2/", "http://localhost/", "http://[::1]/", "http://10.0.0.1/", "http://example.com/"):
        with pytest.raises(BadRequest):
            destination(url, reach)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_everybody_reaches_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_only_some_reach_is_not_public(address):
    assert not is_public(address)


def test_a_request_names_the_port_where_it_is_not_the_usual_one():
    assert destination("https://hooks.example.com/", Reach()).authority == "hooks.example.com"
    assert destination("https://[2606:4700::1111]/", Reach()).authority == "[2606:4700::1111]"
    assert destination("http://127.0.0.1:8080/", Reach(loopback=True)).authority == "127.0.0.1:8080"
