"""Exact systems shared by the tests of all rooms: each is solved by another method than the solver's."""
