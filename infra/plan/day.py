"""The day that a load makes: a curve with its height in the afternoon, and bursts up to the peak."""

from math import cos, pi
from typing import Final

from msgspec import Struct

from infra.plan.load import DAY, Load

HOUR: Final = 3_600
SWING: Final = 0.8  # the afternoon has 1.8 times the mean, the night a fifth of it
HEIGHT: Final = 15 * HOUR  # when it is highest, and when the highest burst comes
BURSTS: Final = (HEIGHT, 9.5 * HOUR, 12.25 * HOUR, 20.75 * HOUR)
IN_BURSTS: Final = 0.15  # of a day's turns, at most
LONGEST: Final = 300.0


class Day(Struct, frozen=True):
    """`base` is the mean of the curve in turns a second, `swing` its part that comes and goes."""

    base: float
    swing: float
    peak: float
    burst_seconds: float

    def rate(self, second: float) -> float:
        """Turns a second at a moment of the day."""
        if any(begins <= second < begins + self.burst_seconds for begins in BURSTS):
            return self.peak
        return self.curve(second)

    def curve(self, second: float) -> float:
        """The same without bursts."""
        return self.base * (1 + self.swing * cos(2 * pi * (second - HEIGHT) / DAY))

    @property
    def busiest(self) -> float:
        """The height of the curve."""
        return self.base * (1 + self.swing)

    def hours(self) -> list[float]:
        """Turns a second in each hour, without bursts."""
        return [self.curve((hour + 0.5) * HOUR) for hour in range(24)]

    def times(self, factor: float) -> "Day":
        """A day with so many times the turns."""
        return Day(self.base * factor, self.swing, self.peak * factor, self.burst_seconds)


def day_of(load: Load) -> Day:
    """Where the curve alone reaches the peak there are no bursts."""
    if load.peak <= load.mean * (1 + SWING):
        return Day(load.mean, load.peak / load.mean - 1, load.peak, 0.0)
    seconds = min(LONGEST, IN_BURSTS * load.turns / (len(BURSTS) * load.peak))
    base = (load.turns - len(BURSTS) * seconds * load.peak) / (DAY - len(BURSTS) * seconds)
    return Day(base, SWING, load.peak, seconds)
