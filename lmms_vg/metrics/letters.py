"""Where a letter of an answer stands for an option and where it is taken back: the patterns behind ``metrics.choice``.

Every gap is bounded, or answers that degenerate into "*****" take quadratic time.
"""

import re

# A word character that is no Han character, because 答案是B has no spaces; _B_ is markdown.
_W = r"[^\W_\u4e00-\u9fff]"
_GAP = r"[\W_]{0,12}"
# A letter by itself, no part of C-section, I'd, A/P or e.g.
_LETTER = rf"(?<!{_W})(?<!{_W}['/&+.-])(?P<letter>[A-Za-z])(?!{_W}|['/&+-]{_W}|\.{_W}(?!{_W}))"
# A letter that stands for an option: what follows is punctuation, the end, or a word that cannot go on from an article
# or a name ("A mass", "B cells"). "And" can ("B and T cells"). A bracket can follow the article: "a (small) mass".
_LABEL = _LETTER + (
    r"(?=[^\w\s]|_|因为|由于|吧|选?项(?:\W|$)"
    r"|[^\S\n]*(?:$|\n|[-:=,.;!?)\]*/&+|<]|(?<![Aa])[^\S\n]\(|(?:because|since|as|due|rather\sthan|instead\sof)\b))"
)
# In a list any letter does ("A, C are shown") that is neither an article nor the pronoun.
_LISTED = _LETTER + r"(?!(?<=(?-i:[aI]))[^\S\n]+(?!(?:and|or)\b)\w)"
_NAMED = rf"(?:{_GAP}(?:(?:the\s)?(?:option|choice|letter|answer)\b|选项))?{_GAP}"
_NUMBER = r"(?:\d{1,2}[.)]\s{0,3})?"  # of a line: "1. B"
_IS = r"(?:is|would be|should be|must be|(?:appears|seems) to be)\b"
_HEDGE = r"(?:therefore|thus|clearly|definitely|(?:most )?likely|probably)\b"
_CLOSING = r"[*_\"')\]}$]{0,4}"
_REASON = r"\b(?:because|since|due|(?<!well\s)as(?!\swell))\b|因为|由于"

PHRASE = re.compile(
    rf"(?:(?<!\beach\s)(?<!\bevery\s)\b(?:answer|ans|choice|option|letter|(?:correct|right|best)\sone)\b(?:\s+(?:to|for)\s[^.,;:!?\n]{{1,60}}?)?"
    rf"[\s*_\"'.]{{0,12}}(?:{_IS}(?:\s+{_HEDGE})?|[:=>])|\bfinal\sanswer\b(?!\s{_IS})"
    rf"|\bI\s(?:think|believe)\b(?:\s{_HEDGE})?|\bI(?:'d|\swould)\s(?:say|guess)\b"
    r"|\b(?:choose|select|pick|go with)\b|\\boxed\{(?:\\\w+\{)?"
    r"|答案(?:应该|应当|应|就)?[是为选]?|选择?[是为]?|选项\s*[是为:]|正确的[是为]|而?应[该当]?[是为]|而是|(?<=,)是)",
    re.I,
)
EXPLICIT = re.compile(rf"{PHRASE.pattern}(?:\s(?:it\sis|it's)\b(?:\s{_HEDGE})?)?{_NAMED}{_LABEL}", re.I)
# "B is correct", B first in its clause: "both A and B is correct" is none.
CORRECT = re.compile(
    rf"(?:^|[\n.!?;:,。]|\b(?:option|choice|answer|so|therefore|thus|hence|think|believe|that)\b|选项)"
    rf"{_GAP}{_LETTER}{_GAP}(?:选?项)?"
    r"(?:\bis\s+(?:the\s+)?(?:(?:most likely|most appropriate|best|right)\s+)?"
    r"(?:(?:correct|answer|choice|option)\b|right\b(?!\s\w))"
    r"|[是为]?(?:正确|对(?!\w)|对的|答案))",
    re.I,
)
LEADING = re.compile(
    rf"{_GAP}{_NUMBER}{_GAP}(?:(?:it is|it's|so|thus|therefore|hence|the|my|final|correct|best|{_HEDGE}|certainly)\b"
    rf"[\W_]{{1,12}}){{0,6}}(?:应[该当]?)?[是为]?{_NAMED}{_LABEL}"
    rf"(?!{_GAP}(?:is|isn't|are|was|wrong|incorrect)\b)",  # (B) is small; Option B: wrong
    re.I,
)
ALONE = re.compile(rf"[\W_]*{_LETTER}[\W_]*")
# A letter at the start of a line or clause, as in a list of the options.
MARKED = re.compile(
    rf"(?:^|[\n.,;!?。、])\s{{0,12}}(?:[-•*]\s)?{_NUMBER}[(*_\[]{{0,4}}(?:(?:option|choice)\s|选项)?"
    rf"{_LETTER}(?=[*_]{{0,4}}(?:[).:\]、]|\s-\s|[^\S\n]*(?:\n|$)))",
    re.I,
)
# "A" in front of a word is an article, "A\nmass" and "A - mass" are not.
NO_ARTICLE = re.compile(rf"{_GAP}a\b(?![^\S\n]+\w)", re.I)

# Crosses and ticks say of each option what it is, in too many ways.
CROSS = re.compile("[❌❎✗✘✖≠]")
CLAUSE = re.compile(r"[,.;:!?\n。、]")
NEGATION = re.compile(
    r"\b(?:not|cannot|never|neither|nor|wrong|incorrect|false|unlikely|least|worst|second|if|whether)\b|n't\b|[不错]|非(?!常)",
    re.I,
)
# Where a clause that is an option's text may end, and the letter in brackets that may be behind it: "Spleen (D)".
END = re.compile(
    rf"(?:[*_\s]{{0,6}}[(\[](?:(?:option|choice|answer)\s)?{_LETTER}[)\]])?{_CLOSING}"
    rf"(?:$|\n+|</|[.!]{_CLOSING}(?=\s|$)|。|(?=,?\s?(?:{_REASON}|\brather\sthan\b)|,\snot\s(?!seen\b|visible\b)|,而?不是))",
    re.I,
)
# Where the sentence behind a letter ends, or its reasons begin.
SENTENCE = re.compile(rf"[.!?](?=\s|$)|[\n。]|{_REASON}", re.I)

_RIGHT = r"(?:correct|right|true|possible|plausible|likely|valid|acceptable|reasonable)"
_WRONG = r"(?:wrong|incorrect|false|unlikely|impossible|excluded|ruled\sout)"
_NOT = r"(?:not|cannot|(?:is|are|was|were|do|does|did|ca|could|would)n't)"
_SO = r"(?:also|then|too|even|still|both|all|very|entirely|clearly|definitely|possibly|probably|perhaps|maybe|likely|equally)"
# About the letter just named: "B, which is wrong", "B? Not sure.", "B. No".
DOUBT = re.compile(
    rf"{_GAP}(?:(?:but|though|or|which|that|this|it|i|option|answer|is|was|am|it's|that's|i'm|seems|be|{_SO})\b[\W_]{{1,4}}){{0,6}}"
    rf"(?:{_WRONG}\b|(?:{_NOT}|never)\s(?:(?:the|be|{_SO})\s){{0,2}}(?:{_RIGHT}|sure|certain|answer)\b|un(?:sure|certain)\b"
    rf"|(?:no|not|maybe\snot)(?=[^\S\n]*(?:$|[,.;:!?)\n]))|[是为]?(?:错|不[对正]|不是(?!\w)|不确定))",
    re.I,
)
# About another letter behind it: "A is wrong", "A and C are not seen". "Cannot be excluded" is the opposite.
REJECTED = re.compile(
    rf"(?:[,\s]{{1,3}}(?:(?:and|or|nor)\s)?[a-z]\b){{0,4}}[\s:*_)-]{{0,6}}(?:(?:is|are|was|were|do|does|did|can|could|would)\b\s)?"
    rf"(?:{_SO}\s)?(?:{_NOT}\b(?!\s(?:(?:be|{_SO})\s){{0,2}}(?:{_WRONG}|sure|certain)\b)"
    rf"|(?:less\slikely|less\splausible|{_WRONG})\b|[是为]?(?:错|不[对是正]))",
    re.I,
)
_TOO = rf"(?:{_SO}|and|or|but|however|alternatively|otherwise|yet|either|actually|rather|is\sit|hmm|wait|sorry)"
_HAN_TOO = r"[也还有可能或者以及是]{0,6}"
_ALSO = r"\balso(?:\s\w{1,12}){1,3}\b"  # "I would also accept B"
# Another letter directly behind, or led to by the punctuation of a list or by a conjunction in the same sentence.
NEXT = re.compile(rf"{_GAP}{_NUMBER}{_NAMED}{_LABEL}", re.I)
LISTED = re.compile(
    rf"(?:[,;&+/|、和或与及]|\b(?:and|or|then|but|though|although|while|yet|as|with|plus|versus|vs)\b|{_ALSO})"
    rf"(?:{_GAP}\b{_TOO}\b){{0,4}}{_NAMED}{_HAN_TOO}{_LISTED}",
    re.I,
)
# Another letter in a later sentence: "However, B is seen", "Or C".
AGAIN = re.compile(rf"(?:(?:^|[.!?\n。(])(?:{_GAP}\b{_TOO}\b){{1,4}}|{_ALSO}){_NAMED}{_LISTED}", re.I)
# Another letter that is let stand in any place: "B is possible", "C也对".
POSSIBLE = re.compile(
    rf"{_LETTER}(?:[\s)*_]{{0,4}}\s(?:(?:is|are|could|may|might|would|can|be|seems|remains|to|the|an?|more|most|{_SO})\s){{1,6}}"
    rf"(?:{_RIGHT}|answer|option|choice|better|best)\b|\s(?:also|too|possibly|perhaps|maybe|as\swell)\b|选?项?[也都])",
    re.I,
)
TOO = re.compile(rf"(?:{_GAP}\b{_TOO}\b){{1,4}}", re.I)
_ASIDE = re.compile(r"<\|\w{1,30}\|>(?:assistant\b)?")


def final_part(text: str) -> str:
    """The answer without closed or unfinished thinking (<think>) and without the tokens of a chat format (<|im_end|>).

    >>> final_part("<think>A or C?</think> B<|im_end|>")
    ' B '
    """
    return _ASIDE.sub(" ", text.rpartition("</think>")[2].partition("<think>")[0])
