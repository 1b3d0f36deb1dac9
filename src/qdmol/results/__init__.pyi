from .encoding import decode as decode, encode as encode
from .figures import FIGURE_ROOM as FIGURE_ROOM, Drawable as Drawable
from .netcdf import (
    netcdf_bytes as netcdf_bytes,
    provenance as provenance,
    storable_text as storable_text,
    write_netcdf as write_netcdf,
)
from .numbers import (
    NO_VALUE as NO_VALUE,
    decimals_for as decimals_for,
    format_change as format_change,
    format_error as format_error,
    format_measured as format_measured,
    format_number as format_number,
    is_significant as is_significant,
    wavelength_nm as wavelength_nm,
    wavelength_shift_nm as wavelength_shift_nm,
)
from .saving import (
    Loadable as Loadable,
    SavedResult as SavedResult,
    array_groups as array_groups,
    read_result as read_result,
    save_result as save_result,
    saved_attributes as saved_attributes,
)
