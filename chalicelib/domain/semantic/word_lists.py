"""Words of general English that say how a question is meant, beside what it is about."""

from __future__ import annotations

from typing import Final


def set_of(words: str) -> frozenset[str]:
    """The words in `words`."""
    return frozenset(words.split())


STOP: Final = set_of("""
    a about all also am an and any anyone are as at be been being but by can could did do does doing done each
    for from get got had has have having he her hers him his how i if in into is it its me mine my of on one ones or
    our ours ought people person shall she should so some somebody someone something such than that the their theirs
    them then there these they thing things this those to too us very was we were what when where which while who
    whom whose why will with would you your yours""")
FILLER: Final = set_of("""
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
NEGATIONS: Final = set_of(
    "not no never none nobody nothing nowhere neither nor without cannot hardly barely unable non"
)
OTHER_TONGUES: Final = set_of("""
    der das ist sind wie ich mein meine meinen nicht kein keine ein eine einen einem einer und wo wann warum kann wir
    sie den dem des von vom zu zum zur nach mit für auf aus bei oder aber auch noch schon wird werden bin bist haben
    muss soll sich uns ihr ihre sein seine dein deine um als mehr bis gibt wer wem wen welche welcher welches
    le les des une est sont comment pourquoi quel quelle quels quelles je mon ma mes où combien peut du au aux et ont
    être ce cette ces qui quoi dans avec sans moins vers ne pas ils elle elles nous vous leur quand
    el los las una cómo como qué cuál cuánto cuántos cuanto cuantos dónde donde mi mis para puedo puede está il lo gli
    che posso perché es están quién quien cuándo cuando desde hasta muy del que se su sus hay fue ser tiene tengo hacer
    quanto dove mio mia è sono di della dello dei delle degli alla dal nel nella con tra chi cosa quale quali uno ha ho
    non anche não meu minha onde uma você o os um da dos das na nas em com quem qual quais são ao ou
    het een hoe mijn niet waar ik naar van op te zijn ben heeft geen jak gdzie nie mam czy jest są się kiedy ile dla""")
SYMMETRIC: Final = set_of("""
    acquaintance and between brother classmate close colleague compare compared connected cousin date dating
    differ difference different distance engaged equal friend friends identical like married marry meet meeting
    neighbor neighbour or partner related roommate same sibling similar sister spouse versus vs twin""")
COMPARING: Final = set_of("better bigger cheaper faster less more older smaller than worse younger")
PREPOSITIONS: Final = set_of("""
    about above across after against along among around as at before behind below beneath beside besides between
    beyond by despite during except for from in inside into like near of off on onto outside over past per regarding
    since through throughout to toward towards under underneath until up upon via with within without""")
PASTS: Final = set_of("did had was were used")
FUTURES: Final = set_of("will shall going")
DUTIES: Final = set_of("should ought must")
POSSIBILITIES: Final = set_of("can could may might able")
AUXILIARIES: Final = set_of("""
    am are can could did do does had has have is may might must shall should was were will would""")
IMPERATIVES: Final = set_of("""
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
    "yrs": "year", "am": "am", "pm": "pm", "gb": "gb", "mb": "mb", "tb": "tb", "kb": "kb",
    "kib": "kib", "mib": "mib", "gib": "gib", "tib": "tib", "ms": "ms", "ns": "ns", "nm": "nm", "kwh": "kwh",
    "mwh": "mwh", "mw": "mw", "ma": "ma", "mbps": "mbps", "gbps": "gbps", "ghz": "ghz",
    "mhz": "mhz", "hz": "hz", "watt": "w", "watts": "w", "w": "w", "kw": "kw", "volt": "v", "volts": "v",
    "v": "v", "percent": "%", "per cent": "%", "%": "%", "dollar": "usd", "dollars": "usd", "usd": "usd", "$": "usd",
    "euro": "eur", "euros": "eur", "eur": "eur", "€": "eur", "gbp": "gbp", "£": "gbp", "rupee": "inr",
    "rupees": "inr", "inr": "inr", "rs": "inr", "₹": "inr", "yen": "jpy", "¥": "jpy", "jpy": "jpy", "celsius": "c",
    "fahrenheit": "f", "mph": "mph", "kmh": "kmh",
}  # fmt: skip
ALIASES: Final = {
    "jan": "january", "feb": "february", "aug": "august", "sept": "september", "oct": "october", "nov": "november",
    "dec": "december",
    "america": "usa", "american": "usa", "americans": "usa", "us": "usa", "u.s": "usa", "britain": "uk",
    "british": "uk", "french": "france", "german": "germany", "germans": "germany", "dutch": "netherlands",
    "holland": "netherlands", "spanish": "spain", "swiss": "switzerland", "polish": "poland", "turkish": "turkey",
    "swedish": "sweden", "danish": "denmark", "finnish": "finland", "greek": "greece", "irish": "ireland",
    "welsh": "wales", "scottish": "scotland", "chinese": "china", "japanese": "japan", "filipino": "philippines",
    "thai": "thailand", "bombay": "mumbai", "bengaluru": "bangalore", "calcutta": "kolkata", "madras": "chennai",
    "nyc": "york", "indian": "india", "indians": "india", "italian": "italy", "italians": "italy", "korean": "korea",
    "mexican": "mexico", "russian": "russia", "russians": "russia", "portuguese": "portugal", "canadian": "canada",
    "canadians": "canada", "australian": "australia", "australians": "australia", "brazilian": "brazil",
    "norwegian": "norway", "norwegians": "norway", "icelandic": "iceland", "czech": "czechia", "slovak": "slovakia",
    "hungarian": "hungary", "romanian": "romania", "bulgarian": "bulgaria", "serbian": "serbia",
    "croatian": "croatia", "ukrainian": "ukraine", "persian": "iran", "iranian": "iran", "iraqi": "iraq",
    "vietnamese": "vietnam", "indonesian": "indonesia", "pakistani": "pakistan", "pakistanis": "pakistan",
    "israeli": "israel", "egyptian": "egypt", "nigerian": "nigeria", "european": "europe", "africans": "africa",
    "african": "africa", "asian": "asia",
}  # fmt: skip
