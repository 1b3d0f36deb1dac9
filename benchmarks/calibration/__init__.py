"""Coverage and error calibrations; each module prints one table."""
