"""How many emitters a recording shows, and whether they know of each other.

In come the pairs of photons of one pulse with their delays, g2, g3 and intensity levels; out come probabilities of four
named hypotheses, the number of emitters with an interval, and a verdict, which may be "cannot tell".
"""
