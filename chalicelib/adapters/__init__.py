"""One package per vendor, one port each, one error table each."""
