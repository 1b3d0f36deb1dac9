"""Sizing: the values of fields of a spec at which predicted quantities have wanted values."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from qdmol.arrays import Floats
from qdmol.design.fields import Field, make_fields, spec_at, unlike_warnings, valid_part
from qdmol.design.model import Evaluation, Model
from qdmol.design.roots import (
    Roots,
    coordinates,
    local_jacobian,
    refined,
    several_roots,
    single_roots,
    solved_points,
)
from qdmol.design.sizing_result import (
    Scan,
    SizedAlternative,
    SizedField,
    Sizing,
    SizingSolution,
    target_text,
    value_text,
)
from qdmol.design.targets import NAMES, Target, parse_target
from qdmol.errors import InputError
from qdmol.estimates import Estimate
from qdmol.jobs import store_folder
from qdmol.structure import Spec, read_spec, resolve
from qdmol.study import listed_alternatives, with_alternative

# The range of the fields is widened by this part on each side where alternatives of the material set are solved.
WIDENED = 0.5
# Part of the points of several fields without a solution from which on a warning is given.
MANY_HOLES = 0.3


def size(
    spec: Spec | str | Path | Mapping[str, object],
    *,
    vary: str | Sequence[str],
    targets: Mapping[str, Any] | None = None,
    between: Any = None,
    range_: bool = False,
    folder: Path | None = None,
    progress: Callable[[str], None] | None = None,
    **named: Any,
) -> Sizing:
    """Find the values of fields at which predicted quantities have wanted values.

    Parameters
    ----------
    spec
        A spec, the path of one, ``"@name"`` of a shipped example, or a mapping.
    vary
        The field or fields to vary, named like the axes of a map: ``"core_radius"``, ``"overrides.CdS.electron_mass"``.
    targets
        Wanted values: names or keys to numbers, texts such as ``"605nm"`` or ``"605±2nm"``, or (value, error). A key
        is one of ``qdmol solve --json`` (``"coulomb.binding_meV"``) or of the sample of ``qdmol spectrum --json``.
    between
        Range to search, ``"1nm:2nm"`` or two numbers; with several fields a mapping. By default half to twice the
        value in the spec.
    range_
        Whether to find the values for each alternative value of the material set as well.
    folder
        Folder of stored results; by default that named by ``QDMOL_STORE``.
    progress
        Called with a few words before each stage.
    **named
        Targets by name: ``peak`` (optical gap, nm or eV), ``gap``, ``absorption`` and ``emission`` (maxima of the
        predicted spectrum), ``lifetime`` (radiative, ns), ``splitting``, ``redshift`` (meV).

    Returns
    -------
    Sizing
        Values with their errors, the spec with them, and all points that were solved.

    Raises
    ------
    InputError
        Spec, fields or targets are invalid, or the targets cannot be reached; the message then says which range can.
    """
    started = time.perf_counter()
    tell = progress or (lambda _: None)
    parsed = read_spec(spec)
    resolve(parsed)
    wanted = _targets({**(targets or {}), **_only_names(named)})
    fields = make_fields([vary] if isinstance(vary, str) else list(vary), between, parsed)
    _refuse_counts(fields, wanted)
    limit = ""
    if len(fields) == 1:
        field, limit = valid_part(parsed, fields[0])
        fields = (field,)
    model = Model(parsed, fields, wanted, folder or store_folder(None), tell, "scanning")
    roots = single_roots(model) if len(fields) == 1 else several_roots(model)
    if not roots.roots:
        raise _unreachable(model, limit, roots)
    ordered = _nearest_first(model, roots.roots)
    alternatives = _alternatives(model, ordered[0], tell) if range_ else ()
    solutions = [_solution(model, root, alternatives if root is ordered[0] else ()) for root in ordered]
    first = ordered[0]
    return Sizing(
        spec=spec_at(parsed, fields, first.point),
        fields=fields,
        targets=wanted,
        solutions=tuple(solutions),
        alternatives=alternatives,
        scan=_scan(model),
        converged=first.converged,
        warnings=_warnings(model, ordered, roots, alternatives),
        elapsed=time.perf_counter() - started,
    )


def _only_names(named: Mapping[str, Any]) -> dict[str, Any]:
    for name in named:
        if name not in NAMES:
            raise InputError(field="target", value=name, allowed=f"one of {', '.join(NAMES)}, or a key in `targets`")
    return {name: value for name, value in named.items() if value is not None}


def _targets(given: Mapping[str, Any]) -> tuple[Target, ...]:
    if not given:
        allowed = f"given: {', '.join(NAMES)}, or another quantity as KEY=VALUE"
        raise InputError(field="target", value=None, allowed=allowed)
    wanted = tuple(parse_target(str(name), value) for name, value in given.items())
    keys = [target.key for target in wanted]
    for target in wanted:
        if keys.count(target.key) > 1:
            raise InputError(field=target.name, value=target.value, allowed="given once: two targets are the same")
    return wanted


def _refuse_counts(fields: Sequence[Field], targets: Sequence[Target]) -> None:
    """Refuse anything but as many targets as fields."""
    names, wanted = (", ".join(entry.name for entry in part) for part in (fields, targets))
    if len(targets) > len(fields):
        message = (
            f"{len(targets)} targets ({wanted}) cannot in general be met by {len(fields)} field"
            f"{'s' if len(fields) > 1 else ''} ({names}); vary as many fields, or fit the targets by `qdmol fit` "
            "(`qdmol.fit_spec`), which weighs them by their errors."
        )
        raise InputError(field="target", value=len(targets), allowed="as many targets as fields", message=message)
    if len(targets) < len(fields):
        message = (
            f"{len(targets)} target{'s' if len(targets) > 1 else ''} ({wanted}) cannot determine {len(fields)} fields "
            f"({names}); give as many targets as fields."
        )
        raise InputError(field="vary", value=len(fields), allowed="as many fields as targets", message=message)


def _nearest_first(model: Model, roots: Sequence[Evaluation]) -> list[Evaluation]:
    """Roots, the one nearest to the spec's own values first."""
    known = [field.current is not None for field in model.fields]
    here = np.array([0.0 if field.current is None else _bounded(field, field.current) for field in model.fields])

    def far(root: Evaluation) -> float:
        return float(np.sum((coordinates(model.fields, root.point) - here)[known] ** 2))

    first = min(roots, key=far)
    return [first, *(root for root in roots if root is not first)]


def _bounded(field: Field, value: float) -> float:
    if field.logarithmic and value <= 0:
        return -1.0
    return float(np.clip(field.coordinate(value), -1, 1))


def _solution(model: Model, root: Evaluation, alternatives: Sequence[SizedAlternative]) -> SizingSolution:
    jacobian = local_jacobian(model, root)
    residual = np.array([abs(v - t.value) for v, t in zip(root.values, model.targets, strict=True)])
    numerical = _reach(jacobian, np.array(root.errors) + residual)
    wanted = np.array([target.error for target in model.targets])
    sized = []
    for place, field in enumerate(model.fields):
        value, error = root.point[place], float(numerical[place]) * field.slope(root.point[place])
        low: float | None = value - error
        high: float | None = value + error
        if np.any(wanted > 0):
            low, high = _with_target(model, root, jacobian, place)
        varied = [alternative.values[place] for alternative in alternatives if alternative.values is not None]
        low = None if low is None else min([low, *varied])
        high = None if high is None else max([high, *varied])
        estimate = Estimate.from_error(value, error, "" if field.unit == "1" else field.unit)
        sized.append(SizedField(field.name, field.path, field.unit, estimate, low, high))
    predicted = tuple(
        Estimate.from_error(value, error, "" if target.unit == "1" else target.unit)
        for value, error, target in zip(root.values, root.errors, model.targets, strict=True)
    )
    return SizingSolution(tuple(sized), predicted)


def _reach(jacobian: Floats, errors: Floats) -> Floats:
    """Largest change (k,) of the coordinates for changes of the targets within bounds (t,)."""
    if np.linalg.matrix_rank(jacobian) < len(jacobian):
        return np.full(jacobian.shape[1], np.inf)
    return np.asarray(np.abs(np.linalg.inv(jacobian)) @ errors)


def _with_target(model: Model, root: Evaluation, jacobian: Floats, place: int) -> tuple[float | None, float | None]:
    """Ends of a field's interval with the errors of targets and model; None beyond the searched range.

    Those of one field follow the curve through the solved points, those of several its slope.
    """
    field = model.fields[place]
    bounds = np.array([target.error for target in model.targets]) + np.array(root.errors)
    at = float(field.coordinate(root.point[place]))
    if len(model.fields) > 1:
        reach = float(_reach(jacobian, bounds)[place])
        ends = [at - reach, at + reach]
    else:
        ends = [_crossing(model, root, float(bounds[0]), side) for side in (-1, 1)]
    low, high = (field.value(end) if -1 <= end <= 1 else None for end in ends)
    return low, high


def _crossing(model: Model, root: Evaluation, bound: float, side: int) -> float:
    """Coordinate on one side of a root at which the quantity differs from the wanted one by a bound."""
    from scipy.interpolate import PchipInterpolator

    field = model.fields[0]
    run = [root]
    for evaluation in solved_points(model)[::side]:
        if side * (evaluation.point[0] - root.point[0]) <= 0:
            continue
        if evaluation.is_hole:
            break
        run.append(evaluation)
    u = np.array([float(field.coordinate(evaluation.point[0])) for evaluation in run])
    off = np.array([evaluation.values[0] - model.targets[0].value for evaluation in run])
    if len(run) < 2:
        return 2.0 * side
    order = np.argsort(u)
    dense = np.linspace(u[order][0], u[order][-1], 4001)[::side]
    beyond = np.abs(PchipInterpolator(u[order], off[order])(dense)) >= bound
    return float(dense[np.argmax(beyond)]) if beyond.any() else 2.0 * side


def _alternatives(model: Model, root: Evaluation, tell: Callable[[str], None]) -> tuple[SizedAlternative, ...]:
    """Values of the fields with each alternative value of the material set."""
    jacobian = local_jacobian(model, root)
    paths = {field.path for field in model.fields}
    listed = [
        alternative
        for alternative in listed_alternatives(model.spec)
        if f"overrides.{alternative.material}.{alternative.key}" not in paths
    ]
    sized = []
    wide = tuple(_widened(field) for field in model.fields)
    scale = np.array([b.slope(v) / a.slope(v) for a, b, v in zip(model.fields, wide, root.point, strict=True)])
    for number, alternative in enumerate(listed, start=1):
        tell(f"alternative {number} of {len(listed)}: {alternative.label}")
        values, reason = None, "the targets are not reached near the solution"
        try:
            varied = Model(with_alternative(model.spec, alternative), wide, model.targets, model.folder)
            there = refined(varied, root.point, jacobian * scale)
            values = None if there is None else there.point
        except InputError as error:
            reason = str(error)
        sized.append(
            SizedAlternative(alternative.label, alternative.source, values, "" if values is not None else reason)
        )
    return tuple(sized)


def _widened(field: Field) -> Field:
    if field.logarithmic:
        factor = 1 + WIDENED
        return replace(field, low=field.low / factor, high=field.high * factor)
    span = WIDENED * (field.high - field.low)
    low = field.low - span
    return replace(field, low=low if field.low <= 0 or low > 0 else field.low / 2, high=field.high + span)


def _scan(model: Model) -> Scan:
    points = solved_points(model)
    holes = [np.nan] * len(model.targets)
    return Scan(
        np.array([evaluation.point for evaluation in points]),
        np.array([evaluation.values or holes for evaluation in points], dtype=np.float64),
        np.array([evaluation.errors or holes for evaluation in points], dtype=np.float64),
        tuple(evaluation.reason for evaluation in points),
    )


def _warnings(
    model: Model, ordered: Sequence[Evaluation], roots: Roots, alternatives: Sequence[SizedAlternative]
) -> tuple[str, ...]:
    warnings = [*roots.notes, *unlike_warnings(model.spec, model.fields)]
    if not ordered[0].converged:
        warnings.append("The model did not reach its tolerance at the solution; `qdmol solve` says which number.")
    holes = [evaluation for evaluation in solved_points(model) if evaluation.is_hole]
    # In a plane of fields some combinations are impossible shapes: that is no reason for concern.
    if holes and (len(model.fields) == 1 or len(holes) > MANY_HOLES * len(model.known)):
        warnings.append(
            f"{len(holes)} of {len(model.known)} points could not be solved, the first because {holes[0].reason}"
        )
    missing = [alternative for alternative in alternatives if alternative.values is None]
    if missing:
        labels = ", ".join(alternative.label for alternative in missing)
        warnings.append(f"The interval leaves out alternatives with which the targets are not reached: {labels}.")
    return tuple(warnings)


def _unreachable(model: Model, limit: str, roots: Roots) -> InputError:
    """Refusal of targets that no point meets, with what can be reached and where."""
    good = [evaluation for evaluation in solved_points(model) if not evaluation.is_hole]
    holes = [evaluation for evaluation in solved_points(model) if evaluation.is_hole]
    if not good:
        return InputError(
            field="vary",
            value=model.fields[0].name,
            allowed="a field with a range in which the spec can be solved",
            message=f"No point of the searched range could be solved: {holes[0].reason}",
        )
    ranges = [_reachable(model, good, place) for place in range(len(model.targets))]
    for target, (low, high, text) in zip(model.targets, ranges, strict=True):
        if not low <= target.value <= high or len(model.targets) == 1:
            reasons = [*roots.notes[:1], *([f"beyond this range the spec is invalid: {limit}"] if limit else [])]
            reasons += unlike_warnings(model.spec, model.fields)
            tail = "".join(f"; {reason.rstrip('.')}" for reason in reasons)
            return _refusal(target, f"{text}{tail}")
    wanted = np.array([target.value for target in model.targets])
    span = np.maximum(np.ptp([evaluation.values for evaluation in good], axis=0), 1e-12)
    nearest = min(good, key=lambda evaluation: float(np.max(np.abs((np.array(evaluation.values) - wanted) / span))))
    reached = ", ".join(
        f"{target.label} {value:.5g}{_unit(target.unit)}"
        for target, value in zip(model.targets, nearest.values, strict=True)
    )
    at = _place(model, nearest)
    each = "; ".join(
        f"{target.label} alone: {text}" for target, (_, _, text) in zip(model.targets, ranges, strict=True)
    )
    together = " and ".join(target_text(target) for target in model.targets)
    message = f"{together} cannot be reached together; the nearest point solved has {reached} at {at} ({each})."
    return InputError(field="target", value=together, allowed=f"reachable together ({each})", message=message)


def _refusal(target: Target, reachable: str) -> InputError:
    message = f"`{target.name}` is {target.value:g}{_unit(target.unit)}, but must be {reachable}."
    return InputError(field=target.name, value=target.value, allowed=reachable, message=message)


def _unit(unit: str) -> str:
    return "" if unit == "1" else f" {unit}"


def _place(model: Model, evaluation: Evaluation) -> str:
    return " and ".join(
        f"{field.name} {value_text(field, value)}" for field, value in zip(model.fields, evaluation.point, strict=True)
    )


def _reachable(model: Model, good: Sequence[Evaluation], place: int) -> tuple[float, float, str]:
    """Smallest and largest predicted value of a target, and both in words."""
    target = model.targets[place]
    least, most = (choose(good, key=lambda evaluation: evaluation.values[place]) for choose in (min, max))
    low, high = least.values[place], most.values[place]
    unit = _unit(target.unit)
    text = (
        f"{low:.5g} to {high:.5g}{unit} to be reachable ({low:.5g}{unit} at {_place(model, least)}, "
        f"{high:.5g}{unit} at {_place(model, most)})"
    )
    return low, high, text
