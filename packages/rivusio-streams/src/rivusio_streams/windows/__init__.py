"""Windows of event time."""

from rivusio_streams.windows.tumbling import Tumbling
from rivusio_streams.windows.window import Pane, Timing, Window, Windowed
from rivusio_streams.windows.windowing import AlignedWindows

__all__ = ["AlignedWindows", "Pane", "Timing", "Tumbling", "Window", "Windowed"]
