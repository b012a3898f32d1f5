"""Models and the servers that run them: one file a vendor, all behind `base.Provider`."""
