"""Writes phones.tsv: what the Python port of Google's libphonenumber makes of many spellings.

    python3 -m venv target/phones && target/phones/bin/pip install phonenumbers==9.0.43
    target/phones/bin/python adapters/tests/phones.py > adapters/tests/phones.tsv

Columns: input, home region (empty: none), E.164 (empty: did not parse), valid (0 or 1). Every
number is the metadata's own example for its region and type, or is written below; none is a
person's. An invalid number that parses keeps its E.164 form here, so that a port's parsing and its
judgment can be compared apart. No input contains a tab or a newline.
"""

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

COMMAND = "python adapters/tests/phones.py > adapters/tests/phones.tsv"


def spellings(number, region):
    """Yields the six ways one number is commonly written, each with the region it is read in."""
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    yield e164, ""
    yield phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL), region
    yield phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL), ""
    yield phonenumbers.format_number(number, PhoneNumberFormat.RFC3966), ""
    yield e164[1:], region
    # 00 is an international prefix in most regions only; elsewhere the outcome is the test.
    yield "00" + e164[1:], region


def examples():
    """Yields every region's example number of every type, and those of the global networks."""
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in sorted(PhoneNumberType.values()):
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None:
                yield number, region
    for code in sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS):
        number = phonenumbers.example_number_for_non_geo_entity(code)
        if number is not None:
            yield number, ""


def twisted(number, region):
    """Yields one example in digits, signs and company that people and handsets add."""
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    for zero in "\u0660", "\u06f0", "\uff10":  # Arabic-Indic, Persian and full-width digits
        digits = {ord("0") + n: ord(zero) + n for n in range(10)}
        yield e164.translate(digits), ""
        yield national.translate(digits), region
    yield "\uff0b" + e164[1:], ""
    yield "  " + e164 + "  ", ""
    yield "\u202a" + e164 + "\u202c", ""
    yield e164.replace("+", "+ ", 1), ""
    yield "tel:" + e164, ""
    yield "whatsapp:" + e164, ""
    yield e164 + " ext. 123", ""
    yield e164 + "x9", ""
    yield national + " ext 4567", region
    yield national.replace(" ", "\u00a0"), region
    yield national.replace("-", "\u2011"), region
    yield national + " ", "ZZ"
    yield e164[:-1], ""
    yield e164 + "0", ""
    yield e164 + "00000000", ""


AWKWARD = [
    # Nothing, and nothing much.
    ("", ""), ("", "US"), (" ", ""), ("+", ""), ("++", ""), ("+0", ""), ("0", "US"), ("00", "DE"),
    ("1", "US"), ("12", "US"), ("123", "US"), ("---", "US"), ("()", "US"), ("ext. 5", "US"),
    # Short codes and emergency numbers.
    ("112", "DE"), ("911", "US"), ("999", "GB"), ("32665", "US"), ("68849", "US"), ("88202", "GB"),
    ("+168849", ""), ("+132665", ""), ("12345", "IN"), ("5757", "BR"), ("*100#", "US"),
    # Alphanumeric senders and vanity numbers.
    ("INFO", ""), ("Frontdesk", "US"), ("1-800-FLOWERS", "US"), ("+1 800 FLOWERS", ""),
    ("0800 REVERSE", "NZ"), ("VERIFY", "GB"), ("3FISH", "US"), ("MTN-123", "ZA"), ("A12345678", "US"),
    ("user@example.com", "US"), ("whatsapp:", ""), ("sip:+15550100002@example.com", ""),
    # Fictional numbers, which the metadata does not hold valid.
    ("+15550100002", ""), ("+15005550006", ""), ("+12025550123", ""), ("(202) 555-0123", "US"),
    ("+447700900123", ""), ("07700 900123", "GB"), ("+61491570006", ""), ("+33199001234", ""),
    # Too long, or a country code that is not one.
    ("+123456789012345678", ""), ("1234567890123456789012345", "US"), ("+" + "9" * 250, ""),
    ("+" + "9" * 251, ""), ("+9991234567", ""), ("+2101234567", ""), ("+80000000", ""),
    # Without a region nothing national can be read; an unknown region is no region.
    ("2125550123", ""), ("2125550123", "XX"), ("+12125550123", "XX"),
    # Trunk prefixes, international prefixes and carrier codes.
    ("0044 20 7946 0958", "DE"), ("011 44 20 7946 0958", "US"), ("0011 44 20 7946 0958", "AU"),
    ("+44 (0)20 7946 0958", ""), ("+49 (0)30 123456", ""), ("+39 06 6982 1234", ""),
    ("+39 6 6982 1234", ""), ("06 6982 1234", "IT"), ("0 15 11 96123456", "BR"),
    ("8 (495) 123-45-67", "RU"), ("8 10 1 212 555 0123", "RU"), ("810 1 212 555 0123", "KZ"),
    ("+7 727 250 00 00", ""), ("+7 495 123 45 67", ""), ("010 1 212 555 0123", "JP"),
    # Mexico: the 1 before mobile numbers was abolished, and many systems still send it.
    ("+52 1 222 123 4567", ""), ("+5212221234567", ""), ("5212221234567", "MX"),
    ("+522221234567", ""), ("222 123 4567", "MX"), ("1 222 123 4567", "MX"),
    ("044 222 123 4567", "MX"), ("045 222 123 4567", "MX"), ("01 222 123 4567", "MX"),
    ("+52 1 55 5123 4567", ""), ("+52 55 5123 4567", ""), ("+52 044 55 5123 4567", ""),
    # Brazil, with and without the ninth digit; 2 to 5 begin land lines, 6 to 9 were mobiles.
    *[(f"+55{area}{rest}", "") for area in (11, 19, 21, 27, 28, 31, 48, 51, 61, 71, 85, 91, 92, 99)
      for rest in ("961234567", "61234567", "981234567", "81234567", "991234567", "91234567",
                   "71234567", "971234567", "32345678", "932345678")],
    ("(11) 96123-4567", "BR"), ("(11) 6123-4567", "BR"), ("011 96123-4567", "BR"),
    ("0 21 11 96123-4567", "BR"), ("5511961234567", "BR"), ("551161234567", "BR"),
    ("55961234567", "BR"), ("5561234567", "BR"), ("55 3234 5678", "BR"),
    # Argentina, with and without the mobile 9, and with the national 15.
    *[(f"+54{nine}{rest}", "") for nine in ("9", "", "9 0")
      for rest in ("1123456789", "2214567890", "3514567890", "2901456789", "3783456789")],
    ("+54 11 15 2345 6789", ""), ("+54 9 11 15 2345 6789", ""), ("011 15-2345-6789", "AR"),
    ("11 2345-6789", "AR"), ("15 2345-6789", "AR"), ("0221 15-456-7890", "AR"),
    ("9 11 2345 6789", "AR"), ("5491123456789", "AR"), ("541123456789", "AR"),
    # Plans that grew: old and new spellings.
    ("+22507123456", ""), ("+2250707123456", ""), ("+22901951234", ""), ("+22990011234", ""),
    ("+2290195123456", ""), ("+22995123456", ""), ("+24106031234", ""), ("+2416031234", ""),
    ("+24106123456", ""), ("+22242123456", ""), ("+84 121 234 5678", ""), ("+84 79 234 5678", ""),
    ("+6221 1234567", ""), ("+62 0812 3456 7890", ""), ("+23350 123 4567", ""),
    # Country codes that a national number may begin with.
    ("375 29 123 45 67", "BY"), ("8 029 123 45 67", "BY"), ("55 99612 3456", "BR"),
    ("998 90 123 45 67", "UZ"), ("380 50 123 4567", "UA"), ("9 1234 5678", "SG"),
    ("91 98765 43210", "IN"), ("919876543210", "IN"), ("9198765432", "IN"), ("098765 43210", "IN"),
    # Signs and company.
    ("+1-212-555-0123;ext=45", ""), ("tel:+1-212-555-0123;isub=1", ""), ("tel:253-0000", "US"),
    ("tel:253-0000;phone-context=+1-425", ""), ("tel:253-0000;phone-context=example.com", "US"),
    ("tel:+12125550123;phone-context=+44", ""), ("Call +1 (212) 555-0123 now", ""),
    ("+1 (212) 555-0123 / 0124", ""), ("+1.212.555.0123", ""), ("+1/212/555/0123", ""),
    ("+1 212 555 0123\u200b", ""), ("\u2010+12125550123", ""), ("+1 ~ 212 5550123", ""),
    ("+1 212 555 0123 #99", ""), ("+1 212 555 0123 ,,99", ""), ("+1 212 555 0123 доб. 99", ""),
    ("(+1) 212 555 0123", ""), ("1 (212) 555 0123", "US"), ("+12125550123+", ""),
    ("+1212555012a", ""), ("+1 212 555 o123", ""), ("\u0967\u0968\u0969", "IN"),
]


def row(text, region):
    """Returns one line of the table."""
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return f"{text}\t{region}\t\t0"
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return f"{text}\t{region}\t{e164}\t{int(phonenumbers.is_valid_number(number))}"


def main():
    inputs = [spelling for example in examples() for spelling in spellings(*example)]
    for region in "AR", "BR", "CI", "DE", "EG", "GB", "IN", "IR", "IT", "JP", "MX", "US":
        mobile = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
        inputs += twisted(mobile, region)
    inputs += AWKWARD
    print(f"# phonenumbers {phonenumbers.__version__} (Python port of libphonenumber): {COMMAND}")
    for text, region in dict.fromkeys(inputs):
        print(row(text, region))


main()
