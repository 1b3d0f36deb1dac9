"""No input is overwritten, whatever name or link leads to it."""

import os
from pathlib import Path

import pytest

from qdmol.errors import InputError
from qdmol.files import refuse_overwriting

posix = pytest.mark.skipif(os.name != "posix", reason="links")


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text("qdmol: 1\n")
    return path


def refused(outputs, inputs, **options):
    with pytest.raises(InputError, match="is an input file") as caught:
        refuse_overwriting(outputs, inputs, **options)
    return caught.value


def other_spellings(spec: Path):
    yield spec
    yield spec.parent / "." / "spec.yaml"
    yield spec.parent / "absent" / ".." / "spec.yaml"
    yield Path(os.path.relpath(spec))


def test_other_spellings_of_a_path(spec):
    for path in other_spellings(spec):
        refused([path], [spec])


@posix
def test_links(spec, tmp_path):
    (tmp_path / "soft").symlink_to(spec)
    (tmp_path / "chain").symlink_to("soft")
    (tmp_path / "hard").hardlink_to(spec)
    (tmp_path / "folder").symlink_to(tmp_path, target_is_directory=True)
    for name in ("soft", "chain", "hard", "folder/spec.yaml"):
        refused([tmp_path / name], [spec])
        refused([spec], [tmp_path / name])
    (tmp_path / "dangling").symlink_to(tmp_path / "to be written")
    refused([tmp_path / "to be written"], [tmp_path / "dangling"])


def test_the_file_beside_is_named(spec):
    error = refused([spec.with_suffix(".html"), spec], [spec])
    assert error.value.endswith("spec.html")
    assert "which is written along with it" in str(error)


def test_other_files_pass(spec, tmp_path):
    (tmp_path / "copy.yaml").write_bytes(spec.read_bytes())
    refuse_overwriting([tmp_path / "copy.yaml", tmp_path / "new.html"], [spec, "a name with a null \0 character"])


def test_a_figure_that_is_read(tmp_path):
    (tmp_path / "figure1_spectrum.csv").write_text("1,2\n")
    (tmp_path / "curve.csv").write_text("1,2\n")
    assert refused([], [tmp_path / "figure1_spectrum.csv"], figures=tmp_path).field == "figures"
    refuse_overwriting([], [tmp_path / "curve.csv"], figures=tmp_path)
    refuse_overwriting([], [tmp_path / "curve.csv"], figures=tmp_path / "absent")


def test_a_store_among_the_inputs(tmp_path):
    part = tmp_path / f"{'0a' * 16}.json"
    part.write_text("{}")
    refused([tmp_path / "m.nc"], [part], store=tmp_path)
    refused([tmp_path / "m.nc"], [tmp_path], store=tmp_path)
    refuse_overwriting([tmp_path / "m.nc"], [tmp_path / "spec.json"], store=tmp_path)
