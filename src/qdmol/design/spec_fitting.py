"""Fit of named fields of a spec to numbers with errors, or to measured spectra."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats
from qdmol.design.data import ABSORPTION_REACH, CurveData, Data, MeasuredCurve, NumberData, measured_curve
from qdmol.design.fields import Field, make_fields, spec_at, unlike_warnings, valid_part
from qdmol.design.least_squares import Fitted, badness, correlation_time, fit, involved, profile
from qdmol.design.model import Model
from qdmol.design.spec_fit_result import Direction, FittedCurve, FittedField, FittedNumber, SpecFit
from qdmol.design.spectra import own_spectrum
from qdmol.design.targets import parse_target
from qdmol.errors import DataError, InputError
from qdmol.estimates import Estimate
from qdmol.jobs import store_folder
from qdmol.structure import Spec, read_spec, resolve

if TYPE_CHECKING:
    from qdmol.spectroscopy import Curve

FWHM = 2 * np.sqrt(2 * np.log(2))
MAX_FIELDS = 5
# Probability of a larger χ² below which the model does not describe the numbers.
UNLIKELY = 1e-3
# Distance from the end of the range, in its coordinate, at which a best value counts as lying at the end.
AT_END = 2e-3

Measured = Any


def fit_spec(
    spec: Spec | str | Path | Mapping[str, object],
    *,
    vary: str | Sequence[str],
    to: Measured,
    between: Any = None,
    window: tuple[float, float] | None = None,
    folder: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> SpecFit:
    """Fit fields of a spec to measured numbers or to a measured spectrum.

    Parameters
    ----------
    spec
        A spec, the path of one, ``"@name"`` of a shipped example, or a mapping.
    vary
        The field or fields to fit, named like the axes of a map, at most five.
    to
        Numbers: a mapping of the targets of :func:`qdmol.size` to (value, error) or texts such as ``"605±2nm"``, with
        standard errors. Or a curve of absorption or emission from :func:`qdmol.read_curves`, the path of a file with
        one, or a sequence of curves to be fitted together. Curves have a free scale, offset and Gaussian broadening.
    between
        Range to search, as of :func:`qdmol.size`.
    window
        Shortest and longest wavelength (nm) of a curve to be fitted; by default all points of emission, and absorption
        up to 0.12 eV above the lowest exciton of the spec.
    folder
        Folder of stored results; by default that named by ``QDMOL_STORE``.
    progress
        Called with a few words before each stage.

    Returns
    -------
    SpecFit
        Best values with 95 % profile intervals, correlations, and the combinations of fields that the data do not
        determine.

    Raises
    ------
    InputError
        Spec, fields or data are invalid.
    DataError
        The fit fails: the best value lies at the end of the searched range, the model does not describe the curve, or
        the spec can be solved at too few points.
    """
    started = time.perf_counter()
    tell = progress or (lambda _: None)
    parsed = read_spec(spec)
    resolve(parsed)
    fields = make_fields([vary] if isinstance(vary, str) else list(vary), between, parsed)
    if len(fields) > MAX_FIELDS:
        raise InputError(field="vary", value=len(fields), allowed=f"at most {MAX_FIELDS} fields")
    if len(fields) == 1:
        fields = (valid_part(parsed, fields[0])[0],)
    data = _data(to, parsed, fields, window=window, folder=folder or store_folder(None), tell=tell)
    fitted = fit(data, fields, tell)
    tell("profiles")
    return _result(parsed, fields, data, fitted, started)


def _data(
    to: Measured,
    spec: Spec,
    fields: tuple[Field, ...],
    *,
    window: tuple[float, float] | None,
    folder: Path | None,
    tell: Callable[[str], None],
) -> NumberData | CurveData:
    if isinstance(to, Mapping):
        if window is not None:
            raise InputError(field="window", value=window, allowed="absent: it is for curves")
        targets = tuple(parse_target(str(name), given) for name, given in to.items())
        if not targets:
            raise InputError(field="to", value=to, allowed="at least one number")
        for target in targets:
            if not target.error > 0:
                raise InputError(
                    field=target.name, value=target.value, allowed="given with an error above 0, such as 605±2nm"
                )
        return NumberData(targets, Model(spec, fields, targets, folder, tell))
    curves = _curves(to)
    if window is not None and not 0 <= window[0] < window[1]:
        raise InputError(field="window", value=window, allowed="two wavelengths in nm, the shorter first")
    absorbing = any(curve.quantity != "emission" for curve in curves)
    blue = _blue_end(spec, folder) if window is None and absorbing else None
    points = [measured_curve(curve, window, blue) for curve in curves]
    return CurveData(points, spec, fields, folder=folder, tell=tell)


def _curves(to: Measured) -> list[Curve]:
    from qdmol.spectroscopy import Curve, read_curves

    if isinstance(to, str | os.PathLike):
        read = list(read_curves(Path(to)))
        if len(read) != 1:
            names = ", ".join(curve.name for curve in read)
            allowed = f"a file with one curve, or one of its curves from qdmol.read_curves ({names})"
            raise InputError(field="to", value=f"{len(read)} curves", allowed=allowed)
        return read
    curves = [to] if isinstance(to, Curve) else list(to) if isinstance(to, Sequence) else []
    if not curves or not all(isinstance(curve, Curve) for curve in curves):
        allowed = (
            "a mapping of numbers with errors, a curve, a sequence of curves, or the path of a file with one curve"
        )
        raise InputError(field="to", value=type(to).__name__, allowed=allowed)
    return curves


def _blue_end(spec: Spec, folder: Path | None) -> float:
    """Photon energy (eV) up to which an absorption curve is fitted, from the spec's own spectrum."""
    own, _ = own_spectrum(spec, folder)
    return own.lines[0].energy.value + ABSORPTION_REACH


def _result(
    spec: Spec, fields: tuple[Field, ...], data: NumberData | CurveData, fitted: Fitted, started: float
) -> SpecFit:
    k = len(fields)
    best, nuisance = fitted.parameters[:k], fitted.parameters[k:]
    vector = fitted.fitter.surface(best[None, :])[0]
    if isinstance(data, CurveData):
        data.refuse_unlike(vector, nuisance)
    own = [_field(field, place, data, fitted) for place, field in enumerate(fields)]
    _refuse_ends(fields, own, best)
    directions = tuple(
        _direction(fields, best, weights, involved(fitted.uncertainty, weights))
        for weights in fitted.uncertainty.directions
    )
    warnings, good = _warnings(data, fitted)
    values = [entry.value.value for entry in own]
    determined = all(entry.determined for entry in own)
    return SpecFit(
        spec=spec_at(spec, fields, values),
        searched=fields,
        fields=tuple(own),
        correlation=fitted.uncertainty.correlation,
        undetermined=directions,
        numbers=_numbers(data, fitted, vector),
        curves=_fitted_curves(data, vector, nuisance),
        chi2=fitted.chi2,
        freedom=fitted.freedom,
        scale=fitted.uncertainty.scale,
        points=len(data.predictions),
        converged=determined and good,
        warnings=(*warnings, *unlike_warnings(spec, fields)),
        elapsed=time.perf_counter() - started,
    )


def _field(field: Field, place: int, data: Data, fitted: Fitted) -> FittedField:
    shown, low, high = profile(fitted, place, field)
    free = any(involved(fitted.uncertainty, weights)[place] for weights in fitted.uncertainty.directions)
    determined = bool(np.isfinite(low) and np.isfinite(high)) and not free
    best = field.value(float(fitted.parameters[place]))
    ends = (
        field.value(low) if np.isfinite(low) else -np.inf,
        field.value(high) if np.isfinite(high) else np.inf,
    )
    unit = "" if field.unit == "1" else field.unit
    estimate = Estimate(best, min(ends[0], best), max(ends[1], best), unit)
    error = _model_error(data, fitted)[place] * field.slope(best)
    return FittedField(field.name, field.path, field.unit, estimate, determined, float(error), shown)


def _model_error(data: Data, fitted: Fitted) -> Floats:
    """Changes (k,) of the coordinates by the numerical errors of the predictions at the nearest solved point."""
    k = fitted.fitter.count
    nuisance, vector = fitted.parameters[k:], fitted.fitter.surface(fitted.parameters[None, :k])[0]
    errors = _errors(data, fitted)
    base = data.residuals(vector, nuisance)
    total = np.zeros(k)
    for place in np.flatnonzero(errors):
        moved = vector.copy()
        moved[place] += errors[place]
        total += np.abs(fitted.uncertainty.pull @ (data.residuals(moved, nuisance) - base))
    return total


def _errors(data: Data, fitted: Fitted) -> Floats:
    """Numerical errors (m,) of the predictions at the solved point nearest to the best values."""
    away = np.max(np.abs(fitted.fitter.points - fitted.parameters[: fitted.fitter.count]), axis=1)
    vector = fitted.fitter.vectors[int(np.argmin(away))]
    for prediction in data.predictions:
        if prediction.vector is not None and np.array_equal(prediction.vector, vector):
            assert prediction.error is not None
            return prediction.error
    return np.zeros(len(vector))


def _refuse_ends(fields: Sequence[Field], fitted: Sequence[FittedField], best: Floats) -> None:
    """Refuse a best value at the end of the searched range that the data would move beyond."""
    for field, entry, u in zip(fields, fitted, best, strict=True):
        one_sided = np.isfinite(entry.value.low) != np.isfinite(entry.value.high)
        if one_sided and abs(u) > 1 - AT_END:
            end = "lower" if u < 0 else "upper"
            raise DataError(
                f"The best value of {field.name} lies at the {end} end of the searched range "
                f"({field.low:.4g} to {field.high:.4g}{'' if field.unit == '1' else ' ' + field.unit}); widen it with "
                "`between`, or check the spec."
            )


def _direction(fields: Sequence[Field], best: Floats, weights: Floats, moved: NDArray[np.bool_]) -> Direction:
    """An undetermined direction in words: how a change of one field is made up for by the others."""
    chosen = [place for place in np.argsort(-np.abs(weights)) if moved[place]]
    names = tuple(fields[place].name for place in chosen)
    if len(chosen) == 1:
        text = f"The data say little about {names[0]}: it changes the predictions by less than their errors."
        return Direction(names, tuple(float(weight) for weight in weights), text)
    values = [fields[place].value(float(best[place])) for place in chosen]
    changes = [weights[place] * fields[place].slope(value) for place, value in zip(chosen, values, strict=True)]
    relative = [100 * change / value if value else np.inf for change, value in zip(changes, values, strict=True)]
    unit = np.sign(relative[0]) * 1.0 / max(abs(relative[0]), 1e-12)
    lead = f"raising {names[0]} by 1 %"
    others = " and ".join(
        f"{'raising' if part * unit > 0 else 'lowering'} {name} by {abs(part * unit):.2g} %"
        for name, part in zip(names[1:], relative[1:], strict=True)
    )
    text = (
        f"The data determine only a combination of {', '.join(names[:-1])} and {names[-1]}, which cannot be told "
        f"apart: {lead} is made up for by {others}."
    )
    return Direction(names, tuple(float(weight) for weight in weights), text)


def _warnings(data: NumberData | CurveData, fitted: Fitted) -> tuple[tuple[str, ...], bool]:
    """Warnings about the fit, and whether it can be relied on."""
    warnings, good = [], True
    if fitted.freedom < 0:
        warnings.append("There are fewer numbers than fields.")
    probability = badness(fitted.chi2, fitted.freedom) if data.known_errors else 1.0
    if probability < UNLIKELY:
        good = False
        warnings.append(
            f"The model does not describe the numbers within their errors (χ² {fitted.chi2:.3g} for {fitted.freedom} "
            f"degrees of freedom); intervals are enlarged by {fitted.uncertainty.scale:.2g}."
        )
    if isinstance(data, CurveData):
        alike = correlation_time(fitted.fitter.residuals(fitted.parameters))
        if alike > 3:
            warnings.append(
                f"The residuals are correlated over {alike:.0f} points: the predicted shape is not quite that of the "
                "curve, and intervals are enlarged accordingly."
            )
    worst = fitted.interpolation / fitted.uncertainty.deviation
    if np.any(worst > 0.5):
        good = False
        warnings.append(
            "The interpolation between solved points is not accurate enough for these data; narrow the range with "
            "`between`."
        )
    return tuple(warnings), good


def _numbers(data: NumberData | CurveData, fitted: Fitted, vector: Floats) -> tuple[FittedNumber, ...]:
    if not isinstance(data, NumberData):
        return ()
    errors = _errors(data, fitted)
    return tuple(
        FittedNumber(target, Estimate.from_error(float(value), float(error), "" if target.unit == "1" else target.unit))
        for target, value, error in zip(data.targets, vector, errors, strict=True)
    )


def _fitted_curves(data: NumberData | CurveData, vector: Floats, nuisance: Floats) -> tuple[FittedCurve, ...]:
    if not isinstance(data, CurveData):
        return ()
    fits = zip(data.curves, data.fits(vector, nuisance), nuisance, strict=True)
    return tuple(_fitted_curve(curve, *shape, float(width)) for curve, shape, width in fits)


def _fitted_curve(curve: MeasuredCurve, values: Floats, scale: float, offset: float, width: float) -> FittedCurve:
    return FittedCurve(
        curve.name,
        curve.quantity,
        curve.wavelength,
        curve.values,
        values,
        scale,
        offset,
        float(1000 * FWHM * width),
        float(np.std(curve.values - values)),
    )
