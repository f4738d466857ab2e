"""Whether an alert rule holds: one module for each kind of thing that rules are about."""
