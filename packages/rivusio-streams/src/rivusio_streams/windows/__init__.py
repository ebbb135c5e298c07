"""Windows of event time."""

from rivusio_streams.windows.calendar import Daily, Hourly, Monthly, Weekday, Weekly, Yearly
from rivusio_streams.windows.hopping import Hopping
from rivusio_streams.windows.tumbling import Tumbling
from rivusio_streams.windows.window import Pane, Timing, Window, Windowed
from rivusio_streams.windows.windowing import AlignedWindows, Span, Windows

__all__ = [
    "AlignedWindows",
    "Daily",
    "Hopping",
    "Hourly",
    "Monthly",
    "Pane",
    "Span",
    "Timing",
    "Tumbling",
    "Weekday",
    "Weekly",
    "Window",
    "Windowed",
    "Windows",
    "Yearly",
]
