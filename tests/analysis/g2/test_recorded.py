"""g2 of histograms of pairs in files: several layouts, hostile files, coverage, saving, screening."""

from dataclasses import replace

import numpy as np
import pytest
from tests.analysis.g2.emitters import comb_histogram, dip_histogram

import qdmol
from qdmol.analysis import (
    PairHistogram,
    analyze_many,
    analyze_photons,
    inspect_photons,
    read_pair_histogram,
    screen_photons,
)
from qdmol.errors import InputError

COMB = comb_histogram(np.random.default_rng(5), ratio=0.2, side=600, lifetimes_ns=(10.0,), sides=6)
DIP = dip_histogram(np.random.default_rng(6), ratio=0.2, level=60.0)


def comma(pairs):
    rows = [f"{lag:.4f},{count}" for lag, count in zip(pairs.lag_ns, pairs.counts, strict=True)]
    return "\n".join(["tau (ns),coincidences", *rows])


def tabs_in_ps(pairs):
    rows = [f"{1e3 * lag:.1f}\t{count}" for lag, count in zip(pairs.lag_ns, pairs.counts, strict=True)]
    return "\n".join(["g(2) measurement of dot 7", "Delay [ps]\tCounts", *rows])


def decimal_commas(pairs):
    rows = [f"{lag:.3f};{count}".replace(".", ",") for lag, count in zip(pairs.lag_ns, pairs.counts, strict=True)]
    return "\n".join(["τ (ns);Koinzidenzen", *rows])


def stated_edges(pairs):
    width = pairs.bin_width_ns
    rows = [
        f"{lag - width / 2:.4f},{lag + width / 2:.4f},{count}"
        for lag, count in zip(pairs.lag_ns, pairs.counts, strict=True)
    ]
    return "\n".join(["bin start (ns),bin end (ns),g2 counts", *rows])


def rounded(pairs):
    rows = [f"{lag:.1f} {count}" for lag, count in zip(pairs.lag_ns + 0.037, pairs.counts, strict=True)]
    return "\n".join(["# antibunching", "lag/ns pairs", *rows])


def written(path, pairs, layout=comma, *, bins=slice(None), encoding="utf-8"):
    part = replace(pairs, counts=pairs.counts[bins], first_lag_ns=float(pairs.lag_ns[bins][0]))
    path.write_text(layout(part) + "\n", encoding=encoding)
    return path


def flags(analysis):
    return {flag.name for flag in analysis.flags}


@pytest.mark.parametrize("layout", [comma, tabs_in_ps, decimal_commas, stated_edges, rounded])
@pytest.mark.parametrize(("pairs", "method"), [(COMB, "pulsed"), (DIP, "continuous")])
def test_layouts(tmp_path, layout, pairs, method):
    path = written(tmp_path / "dot.txt", pairs, layout, encoding="utf-16" if layout is decimal_commas else "utf-8")
    analysis = analyze_photons(path)
    assert analysis.g2.method.startswith(method)
    assert analysis.g2.histogram.counts.tolist() == pairs.counts.tolist()
    assert analysis.g2.histogram.lag_ns == pytest.approx(pairs.lag_ns, abs=0.1)
    assert analysis.g2.side_low <= 0.2 <= analysis.g2.side_high
    assert analysis.lifetime is None
    assert analysis.complete
    assert ("period_from_peaks" if method == "pulsed" else "continuous_assumed") in flags(analysis)


def test_a_headerless_table_is_read_as_coincidences_if_its_format_is_named(tmp_path):
    text = comma(COMB).partition("\n")[2]
    (tmp_path / "plain.dat").write_text(text)
    analysis = analyze_photons(tmp_path / "plain.dat", format="g2", unit="ns", period_ns=100.0)
    assert analysis.g2.side_low <= 0.2 <= analysis.g2.side_high
    assert analysis.g2.period_ns == pytest.approx(100.0, abs=0.2)
    assert analysis.summary["sync_period_ns"] == 100.0
    assert "period_from_peaks" not in flags(analysis)
    with pytest.raises(InputError, match=r"period.*100\.\d+ ns"):
        analyze_photons(tmp_path / "plain.dat", format="g2", unit="ns", period_ns=50.0)
    assert read_pair_histogram(tmp_path / "plain.dat").counts.tolist() == COMB.counts.tolist()


def test_rates_give_the_level_of_independent_photons(tmp_path):
    path = written(tmp_path / "dip.csv", DIP)
    rates = {"photons": (240_000, 250_000), "duration_s": 1.0}
    analysis = analyze_photons(path, **rates)
    # 240,000 x 250,000 pairs a second in bins of 1 ns are 60 a bin
    assert analysis.g2.bunching == pytest.approx(1.0, abs=0.05)
    assert analysis.g2.poisson_low <= 0.2 <= analysis.g2.poisson_high
    assert "no_rates" not in flags(analysis)
    alone = analyze_photons(path)
    assert alone.g2.against_independent is None
    assert alone.summary["g2"]["poisson"] is None
    assert "no_rates" in flags(alone)
    for options in ({"photons": (0, 5)}, {"duration_s": -1.0}, {"background": 3.0}, {"gate_ns": (5.0, None)}):
        with pytest.raises(InputError, match="|".join(key.split("_")[0] for key in options)):
            analyze_photons(path, **options)


class TestLagsOfOneSign:
    @pytest.mark.parametrize("sign", [1, -1])
    @pytest.mark.parametrize("pairs", [COMB, DIP])
    def test_half_a_centre(self, tmp_path, pairs, sign):
        half = pairs.counts[pairs.lag_ns * sign > 0]
        analysis = analyze_photons(written(tmp_path / "half.csv", pairs, bins=pairs.lag_ns * sign > 0))
        assert "one_sided" in flags(analysis)
        assert analysis.g2.side_low <= 0.2 <= analysis.g2.side_high
        assert analysis.g2.histogram.pairs == half.sum()
        assert abs(analysis.g2.zero_delay_ns) < 0.3
        assert analysis.g2.against_independent is None
        assert "no_rates" not in flags(analysis)

    @pytest.mark.parametrize(("pairs", "zero"), [(COMB, 649.5), (DIP, 400.0)])
    def test_a_delayed_centre(self, tmp_path, pairs, zero):
        analysis = analyze_photons(written(tmp_path / "cable.csv", replace(pairs, first_lag_ns=0.0)))
        assert "one_sided" not in flags(analysis)
        assert analysis.g2.zero_delay_ns == pytest.approx(zero, abs=1.5)
        assert analysis.g2.side_low <= 0.2 <= analysis.g2.side_high

    @pytest.mark.parametrize(("pairs", "bins"), [(COMB, COMB.lag_ns > -20), (DIP, DIP.lag_ns > 100)])
    def test_no_centre(self, tmp_path, pairs, bins):
        analysis = analyze_photons(written(tmp_path / "cut.csv", pairs, bins=bins))
        assert analysis.g2 is None
        assert not analysis.complete
        assert "no_g2" in flags(analysis)


class TestRefusals:
    def refusal(self, path, pairs, **options):
        with pytest.raises(InputError) as caught:
            analyze_photons(written(path, pairs, **options))
        return str(caught.value)

    def test_normalised_values(self, tmp_path):
        text = self.refusal(tmp_path / "n.csv", replace(DIP, counts=DIP.counts / 60.3))
        assert "not normalised" in text
        assert "export the coincidence counts" in text

    def test_negative_values(self, tmp_path):
        assert "at least 0, not -" in self.refusal(tmp_path / "n.csv", replace(DIP, counts=DIP.counts - 50))

    def test_a_missing_row(self, tmp_path):
        for missing in (3, 400, 795):
            bins = np.arange(len(DIP.counts)) != missing
            path = tmp_path / "gap.csv"
            rows = comma(DIP).splitlines()
            path.write_text("\n".join([rows[0], *np.array(rows[1:])[bins]]))
            with pytest.raises(InputError, match="equal steps"):
                analyze_photons(path)

    def test_too_few_pairs(self, tmp_path):
        few = np.zeros_like(DIP.counts)
        few[::40] = 1
        analysis = analyze_photons(written(tmp_path / "few.csv", replace(DIP, counts=few)))
        assert analysis.g2 is None
        assert not analysis.complete
        assert "contains 21 pairs" in analysis.messages("warning")[0]


def test_decay_and_coincidences_of_one_file(tmp_path):
    rng = np.random.default_rng(7)
    decay = rng.poisson(2000 * np.exp(-np.arange(len(DIP.counts)) / 30.0) + 2)
    rows = [f"{k},{n},{lag:.2f},{c}" for k, (n, lag, c) in enumerate(zip(decay, DIP.lag_ns, DIP.counts, strict=True))]
    path = tmp_path / "both.csv"
    path.write_text("\n".join(["time (ns),decay,tau (ns),coincidences", *rows]))
    both = analyze_photons(path)
    assert both.lifetime.mean.value == pytest.approx(30.0, rel=0.05)
    assert both.g2.side_low <= 0.2 <= both.g2.side_high
    assert "lifetime" in both._repr_html_().partition("<ul>")[0]
    alone = analyze_photons(path, column=3)
    assert (alone.lifetime, alone.summary["curve"], alone.g2.side) == (None, 3, both.g2.side)
    separate = analyze_many([path], column="all")
    assert [(each.g2 is None, each.lifetime is None) for each in separate] == [(True, False), (False, True)]
    assert len(inspect_photons(path).sentences) == 2


def test_saving_page_and_figure(tmp_path):
    analysis = analyze_photons(written(tmp_path / "dip.csv", DIP))
    again = qdmol.load(analysis.save(tmp_path / "dip.nc"))
    assert again.summary == analysis.summary
    assert again.g2.histogram.counts.tolist() == DIP.counts.tolist()
    from qdmol.plot import draw_correlations

    drawing = draw_correlations(again)
    assert drawing.tables[0].columns[1].tolist() == DIP.counts.tolist()
    html = analysis._repr_html_()
    assert f"<td>{analysis.g2.side:.2f} (" in html.partition("<ul>")[0]


def test_screening(tmp_path):
    bright = replace(DIP, counts=np.full_like(DIP.counts, 60))
    paths = [written(tmp_path / "dot.csv", DIP), written(tmp_path / "film.csv", bright)]
    paths.append(written(tmp_path / "few.csv", replace(DIP, counts=np.eye(1, len(DIP.counts), 5, dtype=int)[0])))
    screening = screen_photons(paths, require=["g2_side<0.5"])
    assert [file.decision for file in screening] == ["keep", "reject", "reject"]
    assert "too few for g2" in screening[2].reason
    assert screening[0].numbers["g2_side"].high < 0.5


def covered(rng, path, trials: int, *, kind: str, ratio: float, one_sided: bool = False) -> tuple[int, int]:
    """Histograms whose interval contains the truth, and those with a value: a fit that fails gives none."""
    inside = measured = 0
    for _ in range(trials):
        pairs: PairHistogram
        if kind == "comb":
            pairs = comb_histogram(rng, ratio=ratio, side=200, lifetimes_ns=(10.0,), sides=6, bin_width_ns=2.0)
        else:
            pairs = dip_histogram(rng, ratio=ratio, level=60.0, bin_width_ns=2.0)
        bins = pairs.lag_ns > 0 if one_sided else slice(None)
        g2 = analyze_photons(written(path, pairs, bins=bins)).g2
        measured += g2 is not None
        inside += g2 is not None and g2.side_low <= ratio <= g2.side_high
    return inside, measured


CASES = [("comb", 0.1, False), ("comb", 0.3, True), ("dip", 0.3, False), ("dip", 0.3, True)]


@pytest.mark.parametrize(("kind", "ratio", "one_sided"), CASES)
def test_intervals_hold_the_truth(tmp_path, kind, ratio, one_sided):
    rng = np.random.default_rng(8)
    assert covered(rng, tmp_path / "g2.csv", 6, kind=kind, ratio=ratio, one_sided=one_sided)[0] >= 4


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "ratio", "one_sided"), CASES)
def test_intervals_hold_the_truth_in_200_trials(tmp_path, kind, ratio, one_sided):
    rng, trials = np.random.default_rng(9), 200
    inside, measured = covered(rng, tmp_path / "g2.csv", trials, kind=kind, ratio=ratio, one_sided=one_sided)
    assert measured >= 0.98 * trials
    assert 0.93 - 2 * np.sqrt(0.05 * 0.95 / trials) <= inside / measured
    assert inside / measured <= 0.975 + 2 * np.sqrt(0.05 * 0.95 / trials)


def test_a_measured_dot(data_folder):
    analysis = analyze_photons(data_folder / "photons/perovskite_dot_segments/g2.txt")
    assert analysis.g2.side == pytest.approx(0.13, abs=0.01)
    assert 0.09 < analysis.g2.side_low < analysis.g2.side_high < 0.17
    assert analysis.g2.period_ns == pytest.approx(100, abs=0.5)
    assert flags(analysis) == {"period_from_peaks", "no_rates"}
