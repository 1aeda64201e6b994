"""The chat page where it was deployed: it names the stage's own WebSocket, which lets it in."""

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.clients.sockets import Socket
from tests.e2e.cloud import PATIENCE_SECONDS


def test_the_page_opens_its_socket_where_both_were_deployed(deployed, key):
    page = httpx.get(deployed.page, timeout=PATIENCE_SECONDS)

    url = f"wss://{deployed.host(deployed.websocket)}/api"
    assert f'<meta name="socket" content="{url}">' in page.text
    assert page.headers["content-security-policy"].endswith(f" {url}")
    with Socket(deployed, key=key, origin=f"https://{deployed.host(deployed.rest)}"):
        pass


def test_the_page_of_another_deployment_is_refused(deployed):
    with pytest.raises(InvalidStatus) as refused:
        Socket(deployed, origin=f"https://{deployed.host('another')}")

    assert refused.value.response.status_code == 403
