"""`python -m benchmarks.soak.sweep` ends every turn that is open, as if all leases had run out, and says how many."""

import os

from chalicelib import bootstrap, settings
from chalicelib.pipeline.sweep import sweep
from infra.local.seed import END_OF_TIME

if __name__ == "__main__":
    print(sweep(bootstrap.open_turns(bootstrap.open_database(settings.read(os.environ))), before=END_OF_TIME))
