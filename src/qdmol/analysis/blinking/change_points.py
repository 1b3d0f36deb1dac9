"""Change points of the intensity, photon by photon, with a stated rate of false alarms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import lambertw

from qdmol.analysis.passes import count
from qdmol.arrays import Floats, Integers, lengthened
from qdmol.errors import DataError, InputError
from qdmol.photons import PhotonStream, Records

if TYPE_CHECKING:
    from qdmol.analysis.blinking.change_point_kernels import Points, Windows

FALSE_ALARMS = 0.01
SHORTEST_S = 1e-4
FEWEST_PHOTONS = 10
_CARRIED = 1 << 17  # photons kept from one chunk to the next
_SMALLEST = 1 << 10  # of which at least so many
_LARGEST_WINDOW = 1 << 40
_FALSE_ALARM_LAW = (1.6, 0.43, 0.4)  # see `threshold_for`
_SMALLEST_THRESHOLD = 4.0  # below, the law of false alarms was not looked at


@dataclass(frozen=True, slots=True, eq=False)
class ChangePoints:
    """Change points of a recording.

    Attributes
    ----------
    edges_s : float64 (n + 1,)
        Start of the recording, the n - 1 change points, its end, on the clock of the stream.
    photons : int64 (n,)
        Photons between them, in order of the stream.
    false_alarms : float
        Change points that a source of constant intensity would be expected to show in this recording.
    threshold : float
        Smallest logarithm of the likelihood ratio of a change, before it is multiplied by `excess_noise`.
    excess_noise : float
        Variance over mean of the counts in `shortest_s`, at least 1.
    shortest_s : float
        Shortest segment in s.
    """

    edges_s: Floats
    photons: Integers
    false_alarms: float
    threshold: float
    excess_noise: float
    shortest_s: float

    @property
    def times_s(self) -> Floats:
        """The change points in s (n - 1,)."""
        return self.edges_s[1:-1]


def find_change_points(
    stream: PhotonStream, *, false_alarms: float = FALSE_ALARMS, shortest_s: float = SHORTEST_S
) -> ChangePoints:
    """Find where the intensity changes, photon by photon.

    At each photon, windows that end there (1, 2, 3, 4, 6, 8, 12 .. intervals, up to the whole segment) are compared
    with all that came before them since the latest change, by the likelihood ratio of two rates to one (Watkins and
    Yang, J. Phys. Chem. B 109, 617 (2005), doi:10.1021/jp0467548). Every change is then put where the ratio is largest
    between its neighbours, and dropped if it is below the threshold there. The threshold is that at which a source of
    constant intensity with as many photons at the same mean rate shows `false_alarms` change points on average: all
    positions and windows are accounted for, by simulation (see :func:`threshold_for`).

    Light that is bunched at times below `shortest_s` (blinking in µs, afterpulses) has more noise than Poisson's law
    says: the threshold is multiplied by variance over mean of the counts in bins of `shortest_s`, taken from the
    differences of neighbouring bins, so that slow changes do not count as noise.

    Goes through the stream twice, in bounded memory. Photons of T3 stand at their sync pulse.

    Parameters
    ----------
    stream
        Any photon stream.
    false_alarms
        Expected number of false change points in a recording of constant intensity; as it is small, the probability
        that there are any.
    shortest_s
        Shortest segment in s. Of switches closer than that, none or one is found.

    Raises
    ------
    InputError
        `false_alarms` is not between 1e-12 and 1, or `shortest_s` is not above 0.
    DataError
        There are fewer than 10 photons.
    """
    photons, duration_s = extent(stream)
    tally = ChangePointTally(
        stream, photons=photons, duration_s=duration_s, false_alarms=false_alarms, shortest_s=shortest_s
    )
    return count(tally)


def extent(stream: PhotonStream) -> tuple[int, float]:
    """Photons of a stream, and the time from its first to its last in s."""
    photons, first, last = 0, None, 0
    for records in stream.chunks():
        if len(records):
            first = int(records.times[0]) if first is None else first
            last = int(records.times[-1])
            photons += len(records)
    return photons, (last - (first or 0)) * stream.time_unit_ps * 1e-12


def threshold_for(photons: int, *, photons_in_shortest: float = 1.0, false_alarms: float = FALSE_ALARMS) -> float:
    """Smallest logarithm of a likelihood ratio that counts as a change.

    In constant Poisson light with m photons in the time of the shortest segment, false change points per photon at the
    threshold h are

        A(m) exp(-h),  A = min(1.6, 0.43 m^-0.4),

    found from simulated recordings of 10^3 to 10^6 photons at h from 5 to 11 and m from 0.001 to 30, where the number
    of false change points agrees with the law within a factor of 1.5 (`tests/analysis/blinking` repeats a part). They
    come in pairs, the two ends of a stretch that is too bright or too dark by chance.

    Parameters
    ----------
    photons
        In the recording.
    photons_in_shortest
        Mean number of photons in the shortest segment.
    false_alarms
        Expected number of false change points in such a recording.

    Raises
    ------
    InputError
        `false_alarms` is not between 1e-12 and 1.

    Examples
    --------
    >>> threshold_for(10**6) > threshold_for(10**4) > threshold_for(10**4, false_alarms=0.1)
    True
    """
    if not 1e-12 <= false_alarms <= 1:
        raise InputError(field="false_alarms", value=false_alarms, allowed="between 1e-12 and 1")
    most, scale, power = _FALSE_ALARM_LAW
    per_photon = min(most, scale * max(photons_in_shortest, 1e-12) ** -power)
    return max(math.log(per_photon * max(photons, 2) / false_alarms), _SMALLEST_THRESHOLD)


def _windows(threshold: float) -> Windows:
    """Windows of 1, 2, 3, 4, 6, 8, 12 .. intervals, tried at every eighth of their length."""
    from qdmol.analysis.blinking.change_point_kernels import CELL, Windows

    sizes = [1, 2, 3]
    while sizes[-1] < _LARGEST_WINDOW:
        sizes += [4 * sizes[-2] // 2, 2 * sizes[-1]] if len(sizes) > 3 else [4, 6]
    photons = np.array(sizes, dtype=np.int64)
    steps = np.maximum(1, 2 ** np.floor(np.log2(np.maximum(photons, 8) / 8)).astype(np.int64))
    steps[photons >= CELL * 16] = np.maximum(steps[photons >= CELL * 16], CELL)
    return Windows(photons, steps, *_limits(photons.astype(np.float64), threshold))


def _limits(intervals: Floats, threshold: float) -> tuple[Floats, Floats]:
    """Expected numbers below and above which so many intervals deviate: roots of x - m - m ln(x / m) = threshold."""
    share = threshold / intervals
    # with y = x / m, y - 1 - ln y = share: y = -W(-exp(-1 - share)), both branches
    argument = -np.exp(-1.0 - share)
    low = -np.real(lambertw(argument, 0))
    high = -np.real(lambertw(argument, -1))
    # near y = 1 the branches meet and rounding decides; series, and where the argument underflows asymptotics
    near = share < 1e-6
    root = np.sqrt(2.0 * share)
    low, high = np.where(near, 1.0 - root, low), np.where(near, 1.0 + root + 2.0 * share / 3.0, high)
    far = share > 600.0
    high = np.where(far, 1.0 + share + np.log(1.0 + share), high)
    return intervals * low, intervals * high


class ChangePointTally:
    """Change points of a stream of known length; parameters and errors as in :func:`find_change_points`.

    Parameters
    ----------
    stream
        Any photon stream.
    photons
        Its photons.
    duration_s
        Its length in s.
    """

    def __init__(
        self,
        stream: PhotonStream,
        *,
        photons: int,
        duration_s: float,
        false_alarms: float = FALSE_ALARMS,
        shortest_s: float = SHORTEST_S,
    ) -> None:
        if not (math.isfinite(shortest_s) and shortest_s > 0):
            raise InputError(field="shortest_s", value=shortest_s, allowed="above 0 s")
        self.stream = stream
        self.false_alarms, self.shortest_s = false_alarms, shortest_s
        self._unit_s = stream.time_unit_ps * 1e-12
        in_shortest = photons * shortest_s / max(duration_s, self._unit_s)
        self.threshold = threshold_for(photons, photons_in_shortest=in_shortest, false_alarms=false_alarms)
        self._shortest = max(1, round(shortest_s / self._unit_s))
        self._origin: int | None = None
        self._photons = 0
        self._times: Integers = np.zeros(1, dtype=np.int64)  # of photon `_base` on
        self._base = 0
        self._cells: Integers = np.zeros(1024, dtype=np.int64)
        self._pairs, self._sums = np.zeros(3, dtype=np.int64), np.zeros(2)
        self._start = (0, 0)
        self._points: Points | None = None
        self._n_points = 0
        self._settled = 0
        self._table: tuple[float, Windows] | None = None

    def add(self, records: Records) -> None:
        """Look through the next chunk."""
        from qdmol.analysis.blinking.change_point_kernels import (
            Buffer,
            count_bunching,
            find_changes,
            join_close,
            refine,
        )

        if len(records) == 0:
            return
        first = int(records.times[0])
        if self._origin is None:
            self._origin = _origin(first, self.stream)
        fresh = records.times - self._origin
        count_bunching(fresh, self._shortest, self._pairs, self._sums)
        self._keep_cells(fresh)
        self._times = np.concatenate([self._times, fresh])
        buffer = Buffer(self._times, self._base, self._cells)
        number, last = self._photons + 1, self._photons + len(fresh)
        windows = self._windows()
        limits = (self.threshold * self._excess_noise(), self._shortest)
        while number <= last:
            points = self._room()
            number, s, ts, self._n_points = find_changes(
                buffer, number, last + 1, windows, self._start, limits, points, self._n_points
            )
            self._start = (int(s), int(ts))
        points = self._room()
        for _ in range(2):
            self._n_points = refine(buffer, points, self._settled, self._n_points, last, limits)
            self._n_points = join_close(buffer, points, self._settled, self._n_points, last, limits)
        if self._n_points:  # the latest may have moved
            k = self._n_points - 1
            self._start = (int(points.number[k]), int(points.time[k]))
        self._photons = last
        self._forget()

    def _windows(self) -> Windows:
        threshold = self.threshold * self._excess_noise()
        if self._table is None or abs(threshold - self._table[0]) > 0.01 * threshold:
            self._table = (threshold, _windows(threshold))
        return self._table[1]

    def _keep_cells(self, fresh: Integers) -> None:
        from qdmol.analysis.blinking.change_point_kernels import CELL

        before, after = self._photons // CELL, (self._photons + len(fresh)) // CELL
        if after >= len(self._cells):
            self._cells = lengthened(self._cells, max(2 * len(self._cells), after + 1))
        number = np.arange(before + 1, after + 1) * CELL
        self._cells[before + 1 : after + 1] = fresh[number - self._photons - 1]

    def _room(self) -> Points:
        from qdmol.analysis.blinking.change_point_kernels import Points

        if self._points is None:
            self._points = Points(*(np.zeros(1024, dtype=np.int64) for _ in range(4)))
        elif self._n_points >= len(self._points.number):
            self._points = Points(*(lengthened(each, 2 * len(each)) for each in self._points))
        return self._points

    def _forget(self) -> None:
        """Keep the photons from the change before the last two on, within limits."""
        points, n = self._points, self._n_points
        last = self._photons
        wanted = int(points.number[n - 4]) - 2 if points is not None and n >= 4 else 0
        first = min(max(wanted, last + 1 - _CARRIED), max(last + 1 - _SMALLEST, 0))
        first = max(first, self._base)
        self._times = self._times[first - self._base :].copy()
        self._base = first
        self._settled = max(self._settled, n - 3)

    def _excess_noise(self) -> float:
        """Variance over mean of counts in the shortest time, 1 unless it is above by three standard deviations."""
        squares, counts = float(self._sums[0]), float(self._sums[1])
        if counts < FEWEST_PHOTONS or self._photons + len(self._times) == 0:
            return 1.0
        pairs = max(float(self._pairs[0]), 1.0)
        mean = counts / (2.0 * pairs)
        error = math.sqrt((2.0 + 0.5 / mean) / pairs)
        noise = squares / counts
        return noise if noise > 1.0 + 3.0 * error else 1.0

    def result(self) -> ChangePoints:
        """Change points up to the end of the recording.

        Raises
        ------
        DataError
            There are fewer than 10 photons.
        """
        from qdmol.analysis.blinking.change_point_kernels import likelihood_ratio, prune

        if self._photons < FEWEST_PHOTONS or self._origin is None:
            raise DataError(
                f"The recording has {self._photons} photon{'s' * (self._photons != 1)}, too few to look for changes of "
                f"their rate; {FEWEST_PHOTONS} are needed."
            )
        noise = self._excess_noise()
        threshold = self.threshold * noise
        last, time = self._photons, int(self._times[-1])
        end = max(_end(time, self.stream, self._unit_s), time)
        points = self._room()
        # darkness up to the end of the recording
        s, ts = self._start
        if end - time >= self._shortest and time - ts >= self._shortest:
            ratio = likelihood_ratio(float(last - s), float(time - ts), 0.0, float(end - time))
            if ratio > threshold:
                number = self._n_points
                points.number[number], points.time[number] = last, time
                points.before[number] = time - int(self._times[-2])
                points.after[number] = end - time
                self._n_points += 1
        n = prune(points, self._n_points, (last, end), (threshold, self._shortest))
        self._n_points = n
        edges, photons = _edges(points, n, last, end)
        if self._photons and end <= 0:
            raise DataError("All photons of the recording have the same time.")
        edges_s = (edges + self._origin) * self._unit_s
        return ChangePoints(edges_s, photons, self.false_alarms, self.threshold, noise, self._shortest * self._unit_s)


def _edges(points: Points, n: int, last: int, end: int) -> tuple[Floats, Integers]:
    """Edges in ticks (n + 2,) and photons between them (n + 1,).

    The photon of a change is the last one of a brighter segment before, or the first one of a brighter segment behind,
    and the brighter segment reaches a mean interval beyond it, but not further than half way to the next photon.
    """
    index = np.concatenate([[0], points.number[:n], [last]])
    time = np.concatenate([[0], points.time[:n], [end]]).astype(np.float64)
    number, length = np.diff(index).astype(np.float64), np.diff(time)
    rate = number / np.maximum(length, 1e-9)
    falls = rate[:-1] > rate[1:]
    interval = 1.0 / np.maximum(np.maximum(rate[:-1], rate[1:]), 1e-300)
    behind = np.minimum(interval, 0.5 * points.after[:n])
    before = np.minimum(interval, 0.5 * points.before[:n])
    time[1:-1] += np.where(falls, behind, -before)
    if (np.diff(time) <= 0).any():
        time[1:-1] = points.time[:n]
    bounds = index.copy()
    bounds[1:-1] -= ~falls
    return time, np.diff(bounds)


def _origin(first: int, stream: PhotonStream) -> int:
    """Start of the recording: the zero of the clock, or the first photon of a clock that ran before (as of a trace)."""
    late = first * stream.time_unit_ps * 1e-12
    return 0 if first >= 0 and late <= max(1.0, stream.stated_duration_s or 0.0) else first


def _end(last: int, stream: PhotonStream, unit_s: float) -> int:
    """End of the recording in ticks: as the header says if that can be believed, else the last photon."""
    stated = stream.stated_duration_s
    span = last * unit_s
    if stated is not None and not stream.truncated and span < stated <= 2.0 * span:
        return int(stated / unit_s)
    return last
