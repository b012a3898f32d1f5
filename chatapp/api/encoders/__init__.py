"""One file for each protocol in which a run can be read."""
