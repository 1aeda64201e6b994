"""Words of general English that say how a question is meant, beside what it is about."""

from __future__ import annotations

from typing import Final


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


STOP: Final = _set("""
    a about all also am an and any anyone are as at be been being but by can could did do does doing done each
    for from get got had has have having he her hers him his how i if in into is it its me mine my of on one ones or
    our ours ought people person shall she should so some somebody someone something such than that the their theirs
    them then there these they thing things this those to too us very was we were what when where which while who
    whom whose why will with would you your yours""")
FILLER: Final = _set("""
    actual actually basically certainly currently definitely essentially ever exactly genuinely honestly just
    kindly literally please possibly quite really seriously simply somehow truly well""")
EXPANDED: Final = {
    "aren't": "are not", "can't": "can not", "cannot": "can not", "couldn't": "could not", "didn't": "did not",
    "doesn't": "does not", "don't": "do not", "hadn't": "had not", "hasn't": "has not", "haven't": "have not",
    "isn't": "is not", "mustn't": "must not", "needn't": "need not", "shouldn't": "should not",
    "wasn't": "was not", "weren't": "were not", "won't": "will not", "wouldn't": "would not", "ain't": "is not",
    "arent": "are not", "cant": "can not", "couldnt": "could not", "didnt": "did not", "doesnt": "does not",
    "dont": "do not", "hasnt": "has not", "havent": "have not", "isnt": "is not", "shouldnt": "should not",
    "wasnt": "was not", "wont": "will not", "wouldnt": "would not", "im": "i am", "ive": "i have",
    "whats": "what is", "hows": "how is", "whos": "who is", "wheres": "where is", "thats": "that is",
    "gonna": "going to", "wanna": "want to", "let's": "let us", "u": "you", "ur": "your", "plz": "please",
    "pls": "please", "y'all": "you all", "govt": "government", "info": "information", "app": "application",
    "apps": "applications", "pic": "picture", "pics": "pictures", "photo": "picture", "photos": "pictures",
    "tv": "television", "bike": "bicycle",
}  # fmt: skip
NEGATIONS: Final = _set("not no never none nobody nothing nowhere neither nor without cannot hardly barely unable non")
SYMMETRIC: Final = _set("""
    acquaintance and between brother classmate close colleague compare compared connected cousin date dating
    differ difference different distance engaged equal friend friends identical like married marry meet meeting
    neighbor neighbour or partner related roommate same sibling similar sister spouse versus vs twin""")
COMPARING: Final = _set("better bigger cheaper faster less more older smaller than worse younger")
PREPOSITIONS: Final = _set("""
    about above across after against along among around as at before behind below beneath beside besides between
    beyond by despite during except for from in inside into like near of off on onto outside over past per regarding
    since through throughout to toward towards under underneath until up upon via with within without""")
PASTS: Final = _set("did had was were used")
FUTURES: Final = _set("will shall going")
DUTIES: Final = _set("should ought must")
POSSIBILITIES: Final = _set("can could may might able")
AUXILIARIES: Final = _set("""
    am are can could did do does had has have is may might must shall should was were will would""")
IMPERATIVES: Final = _set("""
    add answer book build calculate call change compare convert correct create define describe draft explain find
    fix generate give help identify list make name play provide remind rewrite send set show solve suggest summarise
    summarize tell translate turn use write""")
UNITS: Final = {
    "k": "", "thousand": "", "lakh": "", "lakhs": "", "m": "m", "meter": "m", "meters": "m", "metre": "m",
    "metres": "m", "km": "km", "kms": "km", "kilometer": "km", "kilometers": "km", "kilometre": "km",
    "kilometres": "km", "mile": "mile", "miles": "mile", "mi": "mile", "cm": "cm", "cms": "cm",
    "centimeter": "cm", "centimeters": "cm", "mm": "mm", "inch": "inch", "inches": "inch", "foot": "ft",
    "feet": "ft", "ft": "ft", "yard": "yard", "yards": "yard", "kg": "kg", "kgs": "kg", "kilo": "kg", "kilos": "kg",
    "kilogram": "kg", "kilograms": "kg", "g": "g", "gram": "g", "grams": "g", "mg": "mg", "lb": "lb", "lbs": "lb",
    "pound": "lb", "pounds": "lb", "oz": "oz", "ounce": "oz", "ounces": "oz", "l": "l", "liter": "l",
    "liters": "l", "litre": "l", "litres": "l", "ml": "ml", "gallon": "gal", "gallons": "gal", "second": "s",
    "seconds": "s", "sec": "s", "secs": "s", "minute": "min", "minutes": "min", "min": "min", "mins": "min",
    "hour": "h", "hours": "h", "hr": "h", "hrs": "h", "day": "day", "days": "day", "week": "week",
    "weeks": "week", "month": "month", "months": "month", "year": "year", "years": "year", "yr": "year",
    "yrs": "year", "am": "am", "pm": "pm", "gb": "gb", "mb": "mb", "tb": "tb", "kb": "kb", "ghz": "ghz",
    "mhz": "mhz", "hz": "hz", "watt": "w", "watts": "w", "w": "w", "kw": "kw", "volt": "v", "volts": "v",
    "v": "v", "percent": "%", "per cent": "%", "%": "%", "dollar": "usd", "dollars": "usd", "usd": "usd", "$": "usd",
    "euro": "eur", "euros": "eur", "eur": "eur", "€": "eur", "gbp": "gbp", "£": "gbp", "rupee": "inr",
    "rupees": "inr", "inr": "inr", "rs": "inr", "₹": "inr", "yen": "jpy", "¥": "jpy", "jpy": "jpy", "celsius": "c",
    "fahrenheit": "f", "mph": "mph", "kmh": "kmh",
}  # fmt: skip
ALIASES: Final = {
    "america": "usa", "american": "usa", "americans": "usa", "us": "usa", "u.s": "usa", "britain": "uk",
    "british": "uk", "french": "france", "german": "germany", "germans": "germany", "dutch": "netherlands",
    "holland": "netherlands", "spanish": "spain", "swiss": "switzerland", "polish": "poland", "turkish": "turkey",
    "swedish": "sweden", "danish": "denmark", "finnish": "finland", "greek": "greece", "irish": "ireland",
    "welsh": "wales", "scottish": "scotland", "chinese": "china", "japanese": "japan", "filipino": "philippines",
    "thai": "thailand", "bombay": "mumbai", "bengaluru": "bangalore", "calcutta": "kolkata", "madras": "chennai",
    "nyc": "york",
}  # fmt: skip
