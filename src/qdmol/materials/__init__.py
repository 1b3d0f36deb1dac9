"""Material sets: parameters of materials, each with unit, temperature, source, and alternatives in the literature.

`load_set` returns a frozen `MaterialSet` by name or path. The parameters are those of the single-band envelope function
of each carrier (BenDaniel and Duke, Phys. Rev. 152, 683 (1966), doi:10.1103/PhysRev.152.683): masses in free-electron
masses, edges in eV from those of the reference material, positive away from the gap, and relative permittivities.

>>> chosen = load_set("cdse-cds-single-band")
>>> chosen.reference, chosen.value("CdSe", "electron_mass").value
('CdSe', 0.13)
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
