from .assembly import Assembler as Assembler, Coefficient as Coefficient, Pattern as Pattern
from .elements import Block as Block, BoundaryBlock as BoundaryBlock, Elements as Elements
from .geometry_axial import (
    CORNER_FACTOR as CORNER_FACTOR,
    MeshSettings as MeshSettings,
    MeshTooLargeError as MeshTooLargeError,
    mesh_elements as mesh_elements,
)
from .shapes import (
    MEDIUM as MEDIUM,
    Arc as Arc,
    Line as Line,
    Piece as Piece,
    Shapes as Shapes,
    arrange as arrange,
    caps_apart as caps_apart,
)
from .symmetry import (
    AxialSymmetry as AxialSymmetry,
    Direction as Direction,
    Image as Image,
    Sector as Sector,
    Symmetry as Symmetry,
)
