"""Jobs: computations by the name of their function, run here or on a cluster, resumed from disk.

In: a :class:`Plan` of :class:`Job`. Out: one record a job, a JSON object that says what became of it; records are kept
in a folder, so that a run that was stopped goes on where it ended. The room knows nothing of what is computed.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
