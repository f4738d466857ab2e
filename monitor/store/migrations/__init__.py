"""The schema's history, one step a file; run on start by `monitor.store.engine.migrate`."""
