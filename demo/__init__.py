"""The demo portraits: people who do not exist, drawn from CC0 data with a fixed seed."""
