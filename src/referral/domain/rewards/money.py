"""Amounts as people read them."""

# Currencies whose minor unit is not a hundredth (ISO 4217, column "Minor unit").
_DECIMALS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"), 0),
    **dict.fromkeys(("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def money(amount: int, unit: str) -> str:
    """An amount in minor units: 1000 of EUR is `10.00 EUR`, of points `1000 points`."""
    decimals = _DECIMALS.get(unit, 2) if unit.isupper() else 0
    if not decimals:
        return f"{amount} {unit}"
    whole, part = divmod(abs(amount), 10**decimals)
    return f"{'-' * (amount < 0)}{whole}.{part:0{decimals}} {unit}"
