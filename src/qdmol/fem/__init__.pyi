from .assembly import Assembler as Assembler, Coefficient as Coefficient, Pattern as Pattern
from .elements import Block as Block, BoundaryBlock as BoundaryBlock, Elements as Elements
from .geometry_axial import (
    CORNER_FACTOR as CORNER_FACTOR,
    MeshSettings as MeshSettings,
    MeshTooLargeError as MeshTooLargeError,
    geometry_of as geometry_of,
    mesh_elements as mesh_elements,
)
from .geometry_radial import radial_elements as radial_elements
from .shapes import (
    FAR_MEDIUM as FAR_MEDIUM,
    Arc as Arc,
    Line as Line,
    Piece as Piece,
    Shapes as Shapes,
    arrange as arrange,
    material_of as material_of,
    medium_layer as medium_layer,
    smallest_gap as smallest_gap,
)
from .symmetry import (
    AxialSymmetry as AxialSymmetry,
    Direction as Direction,
    Image as Image,
    Sector as Sector,
    SphericalSymmetry as SphericalSymmetry,
    Symmetry as Symmetry,
)
