from .ensemble_members import (
    Members as Members,
    ParameterRange as ParameterRange,
    draw_members as draw_members,
    member_spec as member_spec,
    parameters_of as parameters_of,
    without_ensemble as without_ensemble,
)
from .molecule import (
    MEDIUM as MEDIUM,
    AxialMolecule as AxialMolecule,
    Bridge as Bridge,
    Light as Light,
    PlacedDot as PlacedDot,
    PlacedLayer as PlacedLayer,
    RegionParameters as RegionParameters,
    nearest_dot as nearest_dot,
)
from .necks import NECKS as NECKS, LinkerNeck as LinkerNeck, Neck as Neck, PlainNeck as PlainNeck
from .painting import Body as Body, bodies as bodies, material_at as material_at, materials_at as materials_at
from .resolving import V_PER_NM as V_PER_NM, resolve as resolve
from .schema import Deviation as Deviation, Ensemble as Ensemble, Molecule as Molecule, Spec as Spec
from .specs import (
    dump_spec as dump_spec,
    example_path as example_path,
    exclude_each_other as exclude_each_other,
    list_examples as list_examples,
    read_spec as read_spec,
    spec_files as spec_files,
    spec_mapping as spec_mapping,
    spec_schema as spec_schema,
    update_mapping as update_mapping,
    update_spec as update_spec,
)
