from .compiling import compiled as compiled
from .histogram import Histogram as Histogram, HistogramFile as HistogramFile
from .histogram_text import unit_ns as unit_ns
from .histograms import (
    HISTOGRAM_FORMATS as HISTOGRAM_FORMATS,
    holds_histograms as holds_histograms,
    is_histogram_file as is_histogram_file,
    read_histograms as read_histograms,
)
from .photon_hdf5_writing import write_photon_hdf5 as write_photon_hdf5
from .quality import (
    REPORT_CLASSES as REPORT_CLASSES,
    Detector as Detector,
    QualityReport as QualityReport,
    assess_quality as assess_quality,
    quality_of_scan as quality_of_scan,
)
from .reading import read_photons as read_photons
from .scanning import Scan as Scan, ScanTally as ScanTally, scan as scan
from .stream import (
    CHUNK as CHUNK,
    SYNC_CHANNEL as SYNC_CHANNEL,
    ArraySource as ArraySource,
    Flag as Flag,
    Mode as Mode,
    PhotonStream as PhotonStream,
    Provenance as Provenance,
    Records as Records,
    Severity as Severity,
    Source as Source,
    channel_label as channel_label,
)
from .synchronising import to_t3 as to_t3, with_sync_detector as with_sync_detector
from .text import names_photons as names_photons
