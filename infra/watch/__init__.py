"""The stack that watches and guards a stage: alarms, a dashboard, a budget, a firewall, and who may search."""
