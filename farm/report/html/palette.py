"""Colours of page and plots. Series: Okabe and Ito's set, told apart by colour-blind readers; lightened for dark."""

LIGHT = {
    "page": "#ffffff",
    "card": "#f6f7f9",
    "line": "#d5d9e0",
    "ink": "#1a1f27",
    "soft": "#566070",
    "link": "#0b57a4",
    "watts": "#0063a6",
    "watts2": "#a8480a",
    "watts3": "#7a4a9c",
    "idle": "#6f7d90",
    "on_mark": "#ffffff",
    "frames": "#0072b2",
    "scoring": "#b5649a",
    "boot": "#c98a00",
    "fault": "#c4320a",
    "good": "#0a6b4c",
    "bad": "#b3260b",
    "unsure": "#7a5600",
    "good_back": "#e2f3ec",
    "bad_back": "#fdeae5",
    "unsure_back": "#fbf1d9",
}
"""Contrast of text against ``page`` and ``card`` at least 4.5 : 1 (WCAG AA); of marks 3 : 1."""
DARK = {
    "page": "#14171c",
    "card": "#1d2128",
    "line": "#3a414c",
    "ink": "#e8ebf0",
    "soft": "#a8b1be",
    "link": "#7ab8f5",
    "watts": "#56b4e9",
    "watts2": "#f0955a",
    "watts3": "#c39be0",
    "idle": "#8f9bab",
    "on_mark": "#14171c",
    "frames": "#56b4e9",
    "scoring": "#cc79a7",
    "boot": "#e6b030",
    "fault": "#ff7a52",
    "good": "#57c99a",
    "bad": "#ff8a6b",
    "unsure": "#e6b95c",
    "good_back": "#12301f",
    "bad_back": "#3c1a12",
    "unsure_back": "#352a10",
}


def css() -> str:
    """Return the custom properties of both, the dark ones where the reader prefers them; print is light."""
    light, dark = (";".join(f"--{name}:{value}" for name, value in colours.items()) for colours in (LIGHT, DARK))
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}"
