"""The pages: log-in, case, probe, candidate list. They know only `vultus.actions`."""
