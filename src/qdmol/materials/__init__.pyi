from .checking import SetCheck as SetCheck, SetWarning as SetWarning, check_set as check_set
from .documents import (
    Document as Document,
    first_refusal as first_refusal,
    plain_mapping as plain_mapping,
    read_document as read_document,
)
from .quantities import (
    QUANTITIES as QUANTITIES,
    REFERENCE_QUANTITIES as REFERENCE_QUANTITIES,
    MaterialQuantity as MaterialQuantity,
    Owner as Owner,
    Quantity as Quantity,
)
from .sets import (
    MEDIUM as MEDIUM,
    Alternative as Alternative,
    MaterialSet as MaterialSet,
    MaterialValue as MaterialValue,
    PublishedAlignment as PublishedAlignment,
    Source as Source,
    alternatives as alternatives,
    find_set as find_set,
    light_alternatives as light_alternatives,
    list_sets as list_sets,
    load_set as load_set,
    set_text as set_text,
)
