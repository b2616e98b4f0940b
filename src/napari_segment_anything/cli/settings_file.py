"""Settings of a job from a TOML file."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from napari_segment_anything.errors import InvalidSettingsError, UnreadableInputError

if TYPE_CHECKING:
    from napari_segment_anything.engine.automatic_settings import AutomaticSettings
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.tracking.settings import LinkingSettings

Settings = TypeVar("Settings", "AutomaticSettings", "LinkingSettings")

_TABLES = ("automatic", "linking", "intensity_range")


@dataclass(frozen=True)
class JobSettings:
    """What a settings file says.

    Attributes
    ----------
    automatic : AutomaticSettings
        Those that suit the model, changed where the file says so.
    linking : LinkingSettings or None
        None where the file says nothing: estimated from the movie.
    intensity_range : tuple of float or None
        Intensities that become black and white; None estimates them.
    """

    automatic: "AutomaticSettings"
    linking: "LinkingSettings | None" = None
    intensity_range: tuple[float, float] | None = None


def job_settings(path: Path | None, predictor: "MaskPredictor") -> JobSettings:
    """Read the settings for a model; without a file, those that suit the model.

    Parameters
    ----------
    path : Path, optional
        TOML with the tables ``[automatic]`` (fields of `AutomaticSettings`) and
        ``[linking]`` (fields of `LinkingSettings`) and the key ``intensity_range``.
    predictor : MaskPredictor
        The model.

    Raises
    ------
    UnreadableInputError
        If there is no such file, or it is no TOML.
    InvalidSettingsError
        If a key is unknown or a value out of its range.
    """
    from napari_segment_anything.engine.automatic_settings import AutomaticSettings
    from napari_segment_anything.tracking.settings import LinkingSettings

    defaults = AutomaticSettings.for_model(predictor.config)
    if path is None:
        return JobSettings(defaults)
    content = _read(path)
    _refuse_unknown(content, _TABLES, path)
    return JobSettings(
        _changed(defaults, content.get("automatic", {}), path),
        _changed(LinkingSettings(), content["linking"], path)
        if "linking" in content
        else None,
        _range(content.get("intensity_range"), path),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnreadableInputError(
            f"The settings {path} cannot be read: {reason}; check the path."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise UnreadableInputError(
            f"The settings {path} are no TOML: {error}. Write lines such as "
            f"'pred_iou_thresh = 0.6' below a line '[automatic]'."
        ) from error


def _changed(defaults: Settings, table: Any, path: Path) -> Settings:
    kinds = {
        field.name: type(getattr(defaults, field.name)) for field in fields(defaults)
    }
    if not isinstance(table, Mapping):
        raise InvalidSettingsError(
            f"{path}: settings are written below a line in brackets, such as "
            f"'[automatic]'."
        )
    _refuse_unknown(table, tuple(kinds), path)
    for name, value in table.items():
        # A whole number is as good as one with a point, but no truth value is a number.
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = is_number if kinds[name] is float else type(value) is kinds[name]
        if not fits:
            raise InvalidSettingsError(
                f"{path}: {name} is {value!r}; write a value such as "
                f"{_as_toml(getattr(defaults, name))}."
            )
    return replace(defaults, **table)


def _range(value: Any, path: Path) -> tuple[float, float] | None:
    if value is None:
        return None
    is_pair = isinstance(value, list) and len(value) == 2
    if not is_pair or not all(type(v) in (int, float) for v in value):
        raise InvalidSettingsError(
            f"{path}: intensity_range is {value!r}; write the intensities that become "
            f"black and white, such as [100, 4000]."
        )
    low, high = map(float, value)
    if not low < high:
        raise InvalidSettingsError(
            f"{path}: intensity_range is {value!r}; the first must be the smaller one."
        )
    return low, high


def _refuse_unknown(
    found: Mapping[str, Any], known: tuple[str, ...], path: Path
) -> None:
    for name in found:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}."
            raise InvalidSettingsError(f"{path}: there is no setting {name!r}; {hint}")


def _as_toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
