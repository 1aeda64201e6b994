"""`python -m infra.local`, which `make run` calls."""

import sys

from infra.local.seed import seed
from infra.local.supervisor import main

sys.exit(main(app="app:app", seed=seed))
