"""Says in which Region a new tenant is at home: `make home STAGE=… TENANT=acme REGION=us-west-2`, before it has a key.

Once it has one it may have used something there: then its home is moved with all that share it, by `make failover`.
"""

import random
import sys
import time
from collections.abc import Mapping
from functools import partial

import msgspec

from chalicelib.adapters.dynamodb.client import Database, jittered
from chalicelib.adapters.dynamodb.keys import DynamoKeys
from chalicelib.adapters.dynamodb.table import tables
from chalicelib.domain.trail import tenant_updated
from chalicelib.ports import Keys
from infra.failover import regions_in, status
from infra.hand import by_hand
from infra.key import Refused


def settle(keys: Keys, tenant: str, region: str, regions: list[str]) -> None:
    """Write the home of a tenant that has no key yet."""
    if not tenant or region not in regions:
        raise Refused(f"say whose home is where: TENANT=… REGION=…, one of {', '.join(regions)}")
    if keys.list(tenant, None, after=None, limit=1)[0]:
        raise Refused(f"the tenant '{tenant}' has keys already, and may have used something at home")
    note = partial(tenant_updated, by_hand("make home"))
    keys.change_tenant(tenant, lambda record: msgspec.structs.replace(record, home=region), note)


def _run(environ: Mapping[str, str]) -> None:
    stage = environ.get("STAGE", "")
    tenant, region, regions = environ.get("TENANT", ""), environ.get("REGION", ""), regions_in(environ, stage)
    keys = DynamoKeys(Database(tables(stage), pause=jittered(time.sleep, random.random)))
    settle(keys, tenant, region, regions)
    print(f"{tenant} is at home in {region}")


def main() -> int:
    """Print what was done, or what is in the way."""
    return status(_run, "no home was written")


if __name__ == "__main__":
    sys.exit(main())
