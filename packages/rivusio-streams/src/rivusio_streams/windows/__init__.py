"""Windows of event time."""

from rivusio_streams.windows.tumbling import Tumbling
from rivusio_streams.windows.window import Pane, Timing, Window, Windowed
from rivusio_streams.windows.windowing import AlignedWindows, Span, Windows

__all__ = ["AlignedWindows", "Pane", "Span", "Timing", "Tumbling", "Window", "Windowed", "Windows"]
