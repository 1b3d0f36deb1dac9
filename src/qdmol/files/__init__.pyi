from .overwriting import refuse_overwriting as refuse_overwriting
from .reading import open_input as open_input, printable as printable, read_input as read_input
from .writing import (
    atomic_path as atomic_path,
    drop_abandoned as drop_abandoned,
    make_folder as make_folder,
    write_bytes_atomic as write_bytes_atomic,
    write_text_atomic as write_text_atomic,
)
