"""The made-up worlds in which the judges are compared. Nothing but traffic; looks are of one minute."""

from bluegreen_constructs.simulation.traffic import Traffic

LOOKS = 60
_TENTH = (10.0,) * LOOKS
_HALF = (50.0,) * LOOKS
_RAMP = (1.0, 5.0, 10.0, 25.0, 50.0)
SLOW_RAMP = tuple(weight for weight in _RAMP for _ in range(12))
FAST_RAMP = tuple(weight for weight in _RAMP for _ in range(5))
TURN = 30
"""The look after which a candidate turns bad late; it is watched for LOOKS more."""

LAST_STEP = 20
"""The look after which FAST_RAMP stands at its last weight."""

RAMP_RATES = (100, 300, 1000)
RAMP_RATIOS = (3, 5, 10)
LAST_STEP_RATIOS = (2, 3)
DISPERSIONS = (1.25, 1.5, 2, 3)
"""Of the bad events of a look, in bursts of a mean size of 1.125, 1.25, 1.5 and 2: their variance by their mean."""


def _cells() -> dict[str, Traffic]:
    cells = {
        "unchanged-1rps": Traffic(1, 0.002, _TENTH),
        "unchanged-10rps": Traffic(10, 0.002, _TENTH),
        "unchanged-100rps": Traffic(100, 0.002, _TENTH),
        "unchanged-1000rps": Traffic(1000, 0.002, _TENTH),
        "unchanged-half": Traffic(100, 0.002, _HALF),
        "unchanged-incident": Traffic(100, 0.002, _TENTH, incident=(20, 26, 0.05)),
        "unchanged-swing": Traffic(100, 0.002, _TENTH, swing=0.5),
        "unchanged-ramp": Traffic(100, 0.002, SLOW_RAMP),
        "unchanged-5-percent": Traffic(100, 0.05, _TENTH),
        "unchanged-bursts": Traffic(100, 0.002, _TENTH, burst=10),
        "unchanged-flap": Traffic(100, 0.002, _TENTH, flap=(0.05, 0.1)),
        "0.5rps": Traffic(0.5, 0.002, _TENTH),
        "0.5rps-10x": Traffic(0.5, 0.002, _TENTH, ratio=10),
    }
    for dispersion in DISPERSIONS:
        # Sizes are geometric: their dispersion is twice the mean less 1.
        cells[f"unchanged-dispersion-{dispersion:g}"] = Traffic(100, 0.002, _TENTH, burst=(dispersion + 1) / 2)
    for ratio in (1.1, 1.2, 1.5, 2, 3, 5, 10):
        cells[f"100rps-{ratio:g}x"] = Traffic(100, 0.002, _TENTH, ratio=ratio)
    for ratio in (2, 3, 5):
        cells[f"10rps-{ratio}x"] = Traffic(10, 0.005, _TENTH, ratio=ratio)
        cells[f"1000rps-{ratio}x"] = Traffic(1000, 0.0005, _TENTH, ratio=ratio)
        cells[f"half-{ratio}x"] = Traffic(100, 0.002, _HALF, ratio=ratio)
        cells[f"late-{ratio}x"] = Traffic(100, 0.002, (10.0,) * (TURN + LOOKS), ratio=ratio, ratio_from=TURN)
    for ratio in LAST_STEP_RATIOS:
        cells[f"last-step-{ratio}x"] = Traffic(100, 0.002, FAST_RAMP, ratio=ratio, ratio_from=LAST_STEP)
    for ratio in RAMP_RATIOS:
        for rate in RAMP_RATES:
            cells[f"ramp-{rate}rps-{ratio}x"] = Traffic(rate, 0.002, FAST_RAMP, ratio=ratio)
    return cells


CELLS = _cells()
"""By name; the name is part of the seed, so that no cell changes another's numbers."""
