"""Loops that follow excitons on emitters from excitation to photon; compiled.

The number of excitons on each emitter is a Markov process between pulses: every decay, transfer and annihilation is
drawn one after the other (Gillespie's direct method), so that excitons may outlive the pulse period.
"""

import math

import numpy as np

from qdmol.photons import compiled


@compiled
def pulse_excitons(rng, mean, none, least):
    """A Poisson number of this mean, `none` being exp(-mean), given that it is at least `least` (0 or 1)."""
    u = rng.random()
    k = least
    p = none
    if least == 1:
        u *= 1.0 - none
        p *= mean
    while u > p and k < 1000:
        u -= p
        k += 1
        p *= mean / k
    return k


@compiled
def decay_rate(excitons, i, table, rows):
    """Rate (1/ns) at which emitter i loses an exciton by itself."""
    if excitons[i] == 0:
        return 0.0
    return table[rows[i], 3] if excitons[i] > 1 else table[rows[i], 1]


@compiled
def pair_rate(excitons, i, j, annihilation, transfer):
    """Rates (1/ns) of transfer from i to j, and of annihilation, which counts for i < j only."""
    if excitons[i] == 0:
        return 0.0, 0.0
    return transfer[i, j], annihilation if j > i and excitons[j] > 0 else 0.0


@compiled
def next_event(rng, excitons, table, rows, annihilation, transfer, pump):
    """Draw the wait (ns) for the next event and what it is: (wait, kind, emitter, partner).

    Kinds are 0 decay, 1 transfer to the partner, 2 annihilation with the partner, 3 excitation; -1 for none.
    """
    n = len(excitons)
    total = 0.0
    for i in range(n):
        total += pump[i] + decay_rate(excitons, i, table, rows)
        for j in range(n):
            moved, lost = pair_rate(excitons, i, j, annihilation, transfer)
            total += moved + lost
    if total <= 0.0:
        return math.inf, -1, 0, 0
    wait = rng.standard_exponential() / total
    u = rng.random() * total
    for i in range(n):
        u -= pump[i]
        if u < 0.0:
            return wait, 3, i, i
        u -= decay_rate(excitons, i, table, rows)
        if u < 0.0:
            return wait, 0, i, i
        for j in range(n):
            moved, lost = pair_rate(excitons, i, j, annihilation, transfer)
            u -= moved + lost
            if u < 0.0:
                return wait, 1 if u < -lost else 2, i, j
    return wait, -1, 0, 0


@compiled
def is_fast_dark(rng, i, now, fast, dark, since):
    """Whether emitter i is in its fast dark state, drawn from what was known of it at `since`."""
    go_dark, go_bright = fast[i, 0], fast[i, 1]
    if go_dark <= 0.0:
        return False
    share = go_dark / (go_dark + go_bright)
    chance = share + (dark[i] - share) * math.exp(-(go_dark + go_bright) * (now - since[i]))
    dark[i] = 1.0 if rng.random() < chance else 0.0
    since[i] = now
    return dark[i] > 0.5


@compiled
def take_event(rng, event, now, excitons, table, rows, most, fast, dark, since, efficiency):
    """Carry out an event; return the detector of the photon, -1 for none."""
    _, kind, i, j = event
    if kind == 3:
        excitons[i] = min(excitons[i] + 1, most)
    elif kind == 2:
        excitons[i if rng.random() < 0.5 else j] -= 1
    elif kind == 1:
        excitons[i] -= 1
        excitons[j] = min(excitons[j] + 1, most)
    elif kind == 0:
        chance = table[rows[i], 2] if excitons[i] > 1 else table[rows[i], 0]
        excitons[i] -= 1
        if is_fast_dark(rng, i, now, fast, dark, since):
            return -1
        u = rng.random()
        if u < chance * efficiency[0]:
            return 0
        if u < chance * (efficiency[0] + efficiency[1]):
            return 1
    return -1


@compiled
def excite(rng, excitons, excitation, total, number, most):
    """Share out a number of excitons over the emitters."""
    for _ in range(number):
        u = rng.random() * total
        i = 0
        while i < len(excitons) - 1 and u >= excitation[i]:
            u -= excitation[i]
            i += 1
        excitons[i] = min(excitons[i] + 1, most)


@compiled
def set_efficiency(efficiency, light, share):
    """Efficiencies of the detectors at this share of the recording; the larger end of the drift has the full one."""
    drift = light[3]
    factor = 1.0 + drift * share if drift < 0.0 else 1.0 - drift * (1.0 - share)
    efficiency[0], efficiency[1] = light[1] * factor, light[2] * factor


@compiled
def emit_after_pulses(
    rng, place, excitons, excitation, edges, timeline, table, coupling, most, fast, dark, since, light,
    times, who, where,
):  # fmt: skip
    """Follow pulses until the arrays are nearly full or the last interval ends; return how many photons there are.

    `place` holds the pulse and the interval to go on with; `edges` are the intervals in pulses; `light` holds the
    period (ns), both efficiencies and the relative drift over all pulses.
    """
    annihilation, transfer = coupling
    period = light[0]
    pump = np.zeros(len(excitons))
    efficiency = np.empty(2)
    pulse, interval = place[0], place[1]
    last = edges[-1]
    total = excitation.sum()
    none = math.exp(-total)
    rows = timeline[interval]
    room = len(times) - 2000
    excited = excitons.sum()
    count = 0
    while count < room and pulse < last:
        if excited == 0:
            dark_pulses = rng.standard_exponential() / total if total > 0.0 else math.inf
            pulse = last if dark_pulses >= last - pulse else pulse + int(dark_pulses)
            if pulse >= last:
                break
        while pulse >= edges[interval + 1]:
            interval += 1
            rows = timeline[interval]
        number = pulse_excitons(rng, total, none, 1 if excited == 0 else 0)
        excite(rng, excitons, excitation, total, number, most)
        set_efficiency(efficiency, light, pulse / last)
        now = 0.0
        start = pulse * period
        excited = 1
        while excited > 0:
            event = next_event(rng, excitons, table, rows, annihilation, transfer, pump)
            now += event[0]
            if now >= period:
                break
            detector = take_event(rng, event, start + now, excitons, table, rows, most, fast, dark, since, efficiency)
            if detector >= 0:
                times[count], who[count], where[count] = start + now, event[2], detector
                count += 1
            excited = excitons.sum()
        pulse += 1
    place[0], place[1] = pulse, interval
    return count


@compiled
def emit_continuously(
    rng, place, excitons, excitation, edges, timeline, table, coupling, most, fast, dark, since, light,
    times, who, where,
):  # fmt: skip
    """Follow excitons under continuous light, as `emit_after_pulses`; edges and `place[0]` are in ns."""
    annihilation, transfer = coupling
    efficiency = np.empty(2)
    now, interval = place[0], int(place[1])
    last = edges[-1]
    room = len(times) - 1
    count = 0
    while count < room and now < last:
        while now >= edges[interval + 1]:
            interval += 1
        rows = timeline[interval]
        event = next_event(rng, excitons, table, rows, annihilation, transfer, excitation)
        if now + event[0] >= edges[interval + 1]:
            now = edges[interval + 1]  # no memory: draw anew in the next interval
            continue
        now += event[0]
        set_efficiency(efficiency, light, now / last)
        detector = take_event(rng, event, now, excitons, table, rows, most, fast, dark, since, efficiency)
        if detector >= 0:
            times[count], who[count], where[count] = now, event[2], detector
            count += 1
    place[0], place[1] = now, interval
    return count


@compiled
def register(rng, times, where, who, dead, chance, delay, out_times, out_where, out_who):
    """Go through photons in order of time with the dead time and the afterpulses of each detector.

    `dead` (ns), `chance` and `delay` (ns) are those of the two detectors. Returns how many counts there are; the labels
    of afterpulses are -2. Stops early, with -1, if there is no room.
    """
    ready = np.full(2, -math.inf)
    pending = np.full((2, 64), math.inf)
    earliest = np.full(2, math.inf)
    i = count = 0
    while True:
        k = 0 if earliest[0] <= earliest[1] else 1
        if earliest[k] == math.inf and i >= len(times):
            return count
        if i < len(times) and times[i] <= earliest[k]:
            now, k, label = times[i], where[i], who[i]
            i += 1
        else:
            now, label = earliest[k], -2
            j = int(np.argmin(pending[k]))
            pending[k, j] = math.inf
            earliest[k] = pending[k].min()
        if now < ready[k]:
            continue
        if count >= len(out_times):
            return -1
        out_times[count], out_where[count], out_who[count] = now, k, label
        count += 1
        ready[k] = now + dead[k]
        if chance[k] > 0.0 and rng.random() < chance[k]:
            j = int(np.argmax(pending[k]))
            if pending[k, j] == math.inf:
                pending[k, j] = now + dead[k] + rng.standard_exponential() * delay[k]
                earliest[k] = min(earliest[k], pending[k, j])
