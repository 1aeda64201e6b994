"""Places, makers and first names that are recognised without a capital too."""

from __future__ import annotations

from typing import Final

_PLACES: Final = """
afghanistan africa alabama alaska albania algeria america amsterdam angola antarctica argentina arizona arkansas armenia
asia athens atlanta auckland australia austria azerbaijan baghdad bahamas bahrain baltimore bangalore bangkok bangladesh
barcelona beijing belarus belgium belize benin berlin bhutan birmingham bolivia bombay bosnia boston botswana brazil
brisbane britain brooklyn brunei brussels bucharest budapest bulgaria burundi cairo calcutta california cambodia
cameroon canada caracas chad charlotte chennai chicago chile china cleveland colombia colorado congo connecticut
copenhagen croatia cuba cyprus dakota dallas damascus delaware delhi denmark denver detroit dhaka dubai dublin ecuador
edinburgh egypt england eritrea estonia ethiopia europe fiji finland florence florida france frankfurt gabon gambia
geneva germany ghana gibraltar glasgow greece guatemala guinea guyana haiti hamburg hanoi havana hawaii helsinki
honduras houston hungary hyderabad iceland idaho illinois india indiana indianapolis indonesia iowa iran iraq ireland
israel istanbul italy jaipur jakarta jamaica japan jerusalem jordan kabul kansas karachi kathmandu kazakhstan kentucky
kenya kerala kiev kolkata korea kosovo kuwait kyiv kyoto laos latvia lebanon lesotho liberia libya lima lisbon lithuania
london louisiana luxembourg lyon macau macedonia madagascar madrid maine malawi malaysia maldives mali malta manchester
manhattan manila maryland massachusetts mauritius melbourne memphis mexico miami michigan milan milwaukee minneapolis
minnesota mississippi missouri moldova monaco mongolia montana montenegro montreal morocco moscow mozambique mumbai
munich myanmar nagpur nairobi namibia naples nashville nebraska nepal netherlands nevada niger nigeria norway oakland
ohio oklahoma oman ontario oregon orlando osaka oslo ottawa oxford pakistan palestine panama paraguay paris pennsylvania
perth peru philadelphia philippines phoenix pittsburgh poland portland portugal prague pune qatar quebec queensland
rome romania russia rwanda sacramento scotland seattle senegal seoul serbia shanghai siberia sicily singapore slovakia
slovenia somalia spain stockholm sudan surat sweden switzerland sydney syria taipei taiwan tanzania tasmania tehran
tennessee texas thailand tibet togo tokyo toronto tucson tunisia turkey uganda uk ukraine uruguay usa utah uzbekistan
valencia vancouver venezuela venice vermont vienna vietnam virginia wales warsaw wisconsin wyoming yemen york zambia
zealand zimbabwe zurich
porto seville granada bordeaux marseille nice turin bologna palermo cologne stuttgart leipzig antwerp rotterdam
krakow gdansk bratislava ljubljana zagreb sarajevo sofia tirana vilnius riga tallinn minsk odessa tbilisi yerevan baku
tashkent astana almaty bamako dakar accra lagos abuja kampala lusaka harare maputo casablanca marrakesh tunis tripoli
algiers khartoum doha muscat riyadh jeddah sharjah islamabad lahore rawalpindi colombo kuala saigon cebu jogja bali
phuket taichung busan nagoya sapporo shenzhen guangzhou wuhan chengdu tianjin quito bogota medellin lapaz santiago
asuncion montevideo brasilia salvador recife cancun guadalajara monterrey tijuana calgary edmonton winnipeg halifax
quebec adelaide darwin hobart wellington christchurch
american british chinese dutch english french german greek hindi indian irish italian japanese korean latin mexican
portuguese russian spanish swedish turkish arabic hebrew tamil telugu bengali mandarin canadian australian brazilian
finnish danish norwegian icelandic polish czech slovak hungarian romanian bulgarian serbian croatian ukrainian
cantonese urdu punjabi marathi gujarati malayalam kannada swahili persian farsi thai vietnamese tagalog filipino malay
indonesian welsh scottish catalan basque
"""
_MAKERS: Final = """
adobe airbnb alexa alibaba amazon android aws azure bing bitcoin blackberry bluetooth bmw boeing chase chrome chromebook
cisco dell disney dropbox ebay ethereum excel facebook fedex firefox flickr ford github gmail google hbo honda hp html
huawei hulu hyundai ibm ikea instagram intel ios ipad iphone ipod itunes javascript kindle lenovo lg linkedin linux
lumia lyft macbook mastercard mcdonalds mercedes messenger microsoft minecraft mongodb motorola mysql netflix nike nikon
nintendo nissan nokia nvidia oneplus oppo oracle outlook paypal pepsi php photoshop pinterest playstation postgresql
powerpoint puma python qualcomm quora reddit redis salesforce samsung sap siri skype slack snapchat sony spotify
starbucks stripe suzuki swift telegram tesla tiktok toshiba toyota tumblr twitch twitter uber ubuntu ups venmo verizon
visa vmware volkswagen volvo walmart whatsapp wifi wikipedia windows wordpress xbox xiaomi yahoo yamaha yelp youtube
zoom
"""
_PEOPLE: Final = """
aaron abigail adam alexander alexis alyssa amanda amber amy andrea andrew angela anna anthony antonio ashley austin
benjamin brandon brian brittany charles charlotte chloe christopher daniel danielle david diana dylan elizabeth emily
emma eric erin ethan gabriel george hannah harry heather isabella jack jacob james jamie jasmine jason jeffrey jennifer
jeremy jessica john jonathan jose joseph joshua julia justin karen katherine kayla kevin kyle laura lauren lindsey lisa
logan lucas lucy madison maria mark mary matthew megan melissa michael michelle mohammed natalie nathan nicholas nicole
noah olivia oliver patrick paul peter rachel rebecca richard robert ryan samantha samuel sarah scott sean sophia stephen
steven susan taylor thomas tiffany timothy tyler victoria william zachary
"""
NAMES: Final = frozenset(f"{_PLACES} {_MAKERS} {_PEOPLE}".split())
