"""Materials: sourced parameter sets.

In: the name or path of a set. Out: a frozen `MaterialSet` of values, each with unit, temperature and source; and the
literature's alternatives. The model they feed is the single-band envelope function of each carrier (BenDaniel and
Duke, Phys. Rev. 152, 683 (1966), doi:10.1103/PhysRev.152.683): masses in free-electron masses, edges in eV from the
reference material's, positive away from the gap, relative permittivities.

>>> chosen = load_set("cdse-cds-single-band")
>>> chosen.reference, chosen.value("CdSe", "electron_mass").value
('CdSe', 0.13)
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
