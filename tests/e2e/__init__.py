"""The built page in a real browser, found by roles and data attributes only."""
