"""The quality report on measured files: the one that contradicts itself is refused, no other is."""

import pytest

from qdmol.photons.quality import assess_quality
from qdmol.photons.reading import read_photons

SOUND = [
    "hydraharp_t3_80mhz_hbt.ptu",
    "hydraharp_v20_t2.ptu",
    "hydraharp_v20_t3.ptu",
    "picoharp_a42f_point_1.pt3",
    "beads_image_t3.ptu",
    "qutag_80mhz_unordered.qutag",
    "spc132_dna_m000.spc",
    "test_noise.spc",
    "hydraharp_ht/v10.ht2",
    "hydraharp_ht/v10.ht3",
    "hydraharp_ht/v20.ht2",
    "hydraharp_ht/v20.ht3",
]


def test_the_inconsistent_file_is_refused(data_folder):
    report = assess_quality(read_photons(data_folder / "photons/hydraharp_t3_320mhz_inconsistent_sync.ptu"))
    assert not report.analysable
    fatal = {flag.name: flag for flag in report.flags if flag.severity == "fatal"}
    assert set(fatal) >= {"sync_rate", "header_mismatch"}
    assert fatal["sync_rate"].value == pytest.approx(524.256)
    assert fatal["header_mismatch"].value == pytest.approx(0.0455, abs=1e-3)
    assert report.duration_s < 1.0


@pytest.mark.parametrize("name", SOUND)
def test_no_other_file_is(data_folder, name):
    report = assess_quality(read_photons(data_folder / f"photons/{name}"))
    assert [flag for flag in report.flags if flag.severity == "fatal"] == []
    assert report.duration_s < 100.0


def test_the_dead_time_of_86_ns(data_folder):
    report = assess_quality(read_photons(data_folder / "photons/hydraharp_t3_80mhz_hbt.ptu"))
    assert report.duration_s == 5.0
    assert dict(report.per_channel) == {0: 160_953, 1: 235_373}
    for one in report.detectors:
        assert one.dead_time_ns == pytest.approx(86.7, abs=0.1)
        assert one.afterpulsing_controlled  # the source itself is bunched over 3 µs
        assert not one.afterpulsing_sure
    assert report.flag("drift") is None


def test_the_unordered_file_says_so(data_folder):
    report = assess_quality(read_photons(data_folder / "photons/qutag_80mhz_unordered.qutag"))
    assert report.flag("unordered").severity == "warning"
    assert report.analysable


def test_afterpulses_of_a_real_detector(data_folder):
    report = assess_quality(read_photons(data_folder / "photons/hydraharp_v20_t2.ptu"))
    one = report.detectors[0]
    assert one.smallest_interval_ns == pytest.approx(81.13, abs=0.01)
    assert 81.0 < one.dead_time_ns < 84.5
    assert 0.005 < one.afterpulsing_low < one.afterpulsing_high < 0.02
