"""Things of one kind, of which each is another thing: one in place of another asks another question."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

from chalicelib.domain.semantic.stems import stem

_KINDS: Final = """
monday mondays mon|tuesday tue tues|wednesday wed|thursday thu thur thurs|friday fri|saturday|sunday
january jan|february feb|march|april apr|may|june jun|july jul|august aug|september sept sep|october oct|november nov
 |december dec
spring springtime|summer summertime|autumn fall|winter wintertime
breakfast|brunch|lunch|dinner supper
morning|noon midday|afternoon|evening|night nighttime|midnight
hour hours hourly|minute minutes|day days daily|week weeks weekly|fortnight fortnightly|month months monthly
 |quarter quarters quarterly|year years yearly annual annually|decade decades|century centuries
red|orange|yellow|green|blue|purple violet|pink|brown|black|white|grey gray|beige|turquoise
pdf|csv|json|xml|yaml yml|jpg jpeg|png|gif|svg|bmp|tiff tif|docx doc|xlsx xls|pptx ppt|txt|html htm|mp3|mp4|wav|avi|mov
 |zip|rar|tar|exe|parquet|sqlite
python|java|javascript js|typescript ts|rust|golang|ruby|php|perl|kotlin|scala|swift|c++|c#|matlab|fortran|cobol|haskell
 |lua|bash|powershell
windows|linux|macos mac osx|android|ios|ubuntu|debian|fedora
chrome|firefox|safari|opera
mysql|postgresql postgres|sqlite|oracle|mongodb|redis|mariadb|cassandra|dynamodb
aws|azure|gcp
cat cats kitten kittens|dog dogs puppy puppies|horse|cow|pig|sheep|goat|rabbit|hamster|parrot|snake|lion|tiger|elephant
 |bear|wolf|fox|chicken|duck|shark|whale|dolphin|spider|ant|bee|mosquito|monkey|rat|mouse mice|frog|turtle
mother mom mum|father dad|brother|sister|uncle|aunt|cousin|nephew|niece|grandfather grandpa|grandmother grandma|son
 |daughter|husband|wife|boyfriend|girlfriend
bachelor bachelors bsc|master masters msc|phd doctorate|diploma|mba
guitar|piano|violin|drums|flute|ukulele|cello|trumpet|saxophone sax|harp
football soccer|cricket|tennis|basketball|baseball|volleyball|hockey|rugby|golf|badminton|chess|boxing|wrestling
chicken|pork|beef steak|lamb|fish|shrimp|tofu|turkey|bacon
apple|banana|orange|mango|grape|strawberry|pear|peach|cherry|lemon|lime|pineapple|watermelon|avocado|kiwi
potato|tomato|carrot|onion|garlic|spinach|broccoli|cabbage|cucumber|rice|pasta|bread|egg
tea|coffee|milk|water|juice|beer|wine|whiskey whisky|vodka|rum|soda
diabetes|asthma|cancer|flu influenza|malaria|tuberculosis|hiv aids|covid coronavirus|pneumonia|bronchitis|arthritis
 |epilepsy|measles|mumps|chickenpox|hepatitis|migraine|anemia anaemia|adhd|autism|dementia alzheimer|schizophrenia
iron|copper|gold|silver|aluminium aluminum|zinc|tin|nickel|mercury|uranium|steel|brass|bronze|titanium|platinum|oxygen
 |hydrogen|nitrogen|carbon|helium|sodium|potassium|calcium|magnesium|chlorine
mercury|venus|earth|mars|jupiter|saturn|uranus|neptune|pluto|moon|sun
dollar dollars usd $|euro euros eur €|pound pounds gbp £ sterling|yen jpy ¥|rupee rupees inr ₹ rs|yuan renminbi rmb cny
 |franc francs chf|peso|ruble rouble|dinar|dirham aed|lira|krona|bitcoin btc|ethereum eth|dogecoin|litecoin
mile miles|kilometre kilometres kilometer kilometers km|metre metres meter meters|foot feet ft|inch inches|yard
 |centimetre centimetres centimeter centimeters cm|millimetre millimetres millimeter millimeters mm
gram grams|kilogram kilograms kg kilo|pound pounds lb lbs|ounce ounces oz|ton tons tonne tonnes|stone stones
litre litres liter liters|gallon gallons|millilitre milliliter ml|pint pints|quart
bit bits|byte bytes|kilobyte kb|megabyte mb|gigabyte gb|terabyte tb|kibibyte kib|mebibyte mib|gibibyte gib|tebibyte tib
 |kilobit kbit|megabit mbit|gigabit gbit
minimum min|maximum max|average avg mean|median|variance|total sum|percentile
smallest lowest|largest highest biggest|average avg mean|median
always|usually often frequently|sometimes occasionally|rarely seldom
hello hi hey|goodbye bye|please|thanks|sorry
celsius centigrade|fahrenheit|kelvin
north|south|east|west
arm|leg|hand|knee|elbow|shoulder|ankle|wrist|neck|eye|ear|nose|stomach belly abdomen|chest|foot feet|finger|toe
passport|visa
beginner beginners|intermediate|advanced expert experts
junior|senior
small|medium|large
email emails e-mail mail|phone telephone|sms|fax|whatsapp
car cars automobile|bus buses|plane planes airplane aeroplane|bicycle bike cycle|motorcycle motorbike|boat|taxi cab
 |subway metro|truck lorry|scooter
physics|chemistry|biology|mathematics maths math|economics|geography|philosophy|psychology
christianity christian christians|islam muslim muslims islamic|hinduism hindu hindus|buddhism buddhist buddhists
 |judaism jewish jew jews|sikhism sikh sikhs|atheism atheist atheists
mechanical|electrical|civil|chemical|aerospace
weekday weekdays|weekend weekends
capital|currency|population|president|flag|anthem|area
add addition|subtract subtraction|multiply multiplication|divide division
ibuprofen|aspirin|paracetamol acetaminophen tylenol|insulin|morphine|codeine
adult adults|child children kid kids|baby babies infant infants|senior seniors elderly
""".replace("\n |", "|")


def _members() -> dict[str, frozenset[tuple[int, str]]]:
    found: dict[str, set[tuple[int, str]]] = {}
    for kind, line in enumerate(_KINDS.strip().splitlines()):
        for member in line.split("|"):
            names = member.split()
            for name in names:
                found.setdefault(stem(name), set()).add((kind, names[0]))
    return {name: frozenset(members) for name, members in found.items()}


_MEMBERS: Final = _members()
_UNITS: Final = frozenset(
    kind for word in ("day", "dollar", "mile", "gram", "litre") for kind, _ in _MEMBERS[stem(word)]
)
_NONE: Final[frozenset[tuple[int, str]]] = frozenset()


def apart(some: AbstractSet[str], others: AbstractSet[str], *, counted: bool) -> bool:
    """Whether a stem in `some` is of the same kind as one in `others`, and none of that kind is in both.

    Where something is counted, the guard of numbers knows more of units than this.
    """
    ours, theirs = _known(some), _known(others)
    if not ours or not theirs:
        return False
    kinds = {kind for kind, _ in ours} & {kind for kind, _ in theirs}
    if counted:
        kinds -= _UNITS
    return any(_of(ours, kind).isdisjoint(_of(theirs, kind)) for kind in kinds)


def _known(stems: AbstractSet[str]) -> set[tuple[int, str]]:
    return {member for each in stems for member in _MEMBERS.get(each, _NONE)}


def _of(members: set[tuple[int, str]], kind: int) -> set[str]:
    return {name for own, name in members if own == kind}
