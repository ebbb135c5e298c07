from dataclasses import dataclass
from rivusio_streams import AlignedWindows
@dataclass(frozen=True)
class Hopping(AlignedWindows):
    size: object
    every: object
    offset: object
    def assign(self, time):
        size, every, offset = (round(each.total_seconds()*1e6) for each in (self.size, self.every, self.offset))
        return [(offset+n*every, offset+n*every+size) for n in range(-200,200) if offset+n*every<=time<offset+n*every+size]
