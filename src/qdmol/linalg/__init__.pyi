from .davidson import davidson as davidson
from .krylov import lowest_pairs as lowest_pairs
from .symmetric import (
    DENSE_ROWS as DENSE_ROWS,
    KEPT_BYTES as KEPT_BYTES,
    Factor as Factor,
    elimination_order as elimination_order,
    keep_freed_memory as keep_freed_memory,
    lanczos as lanczos,
    lowest_ritz as lowest_ritz,
    release_freed_memory as release_freed_memory,
)
from .tails import Tail as Tail, left_out as left_out
