"""Windows of event time."""

from rivusio_streams.windows.calendar import Daily, Hourly, Monthly, Weekday, Weekly, Yearly
from rivusio_streams.windows.count import Count
from rivusio_streams.windows.everything import Global
from rivusio_streams.windows.hopping import Hopping
from rivusio_streams.windows.session import Session
from rivusio_streams.windows.sliding import Sliding
from rivusio_streams.windows.tumbling import Tumbling
from rivusio_streams.windows.window import Pane, Timing, Window, Windowed, window_of, windowed
from rivusio_streams.windows.windowing import AlignedWindows, Span, Windows

__all__ = [
    "AlignedWindows",
    "Count",
    "Daily",
    "Global",
    "Hopping",
    "Hourly",
    "Monthly",
    "Pane",
    "Session",
    "Sliding",
    "Span",
    "Timing",
    "Tumbling",
    "Weekday",
    "Weekly",
    "Window",
    "Windowed",
    "Windows",
    "Yearly",
    "window_of",
    "windowed",
]
