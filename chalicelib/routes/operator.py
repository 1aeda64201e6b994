"""The first line of every view of the scope `admin`: who calls, for the audit trail too."""

from chalicelib.bootstrap import services
from chalicelib.edge.operator import admitting

operator = admitting(services)
