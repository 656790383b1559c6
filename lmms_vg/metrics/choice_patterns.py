"""Patterns of `metrics.choice`: where an answer claims an option, by letter or by name, and where it withdraws a claim.

They read a text in which `mentions.mark` has replaced the name of each option by a sign, so that "right" and "no" are never
read as a judgement where they are an option. Every gap is bounded, since answers that degenerate into "*****" would take
quadratic time otherwise.
"""

from __future__ import annotations

import re

from lmms_vg.metrics.mentions import SIGN as _A_SIGN
from lmms_vg.metrics.text import without_tokens

# A word character other than a Han character, because 答案是B has no spaces; _B_ is markdown.
_W = r"[^\W_\u4e00-\u9fff]"
_GAP = r"[\W_]{0,12}"
# A letter by itself, not part of C-section, I'd, A/P or e.g.
_LETTER = rf"(?<!{_W})(?<!{_W}['/&+.-])(?P<letter>[A-Za-z])(?!{_W}|['/&+-]{_W}|\.{_W}(?!{_W}))"
# A letter that names an option: it is followed by punctuation, the end, or a word that cannot follow an article or be part
# of a name ("A mass", "B cells"). "And" can ("B and T cells"). A bracket can follow an article: "a (small) mass".
_LABEL = _LETTER + (
    r"(?=[^\w\s]|_|因为|由于|吧|选?项(?:\W|$)"
    r"|[^\S\n]*(?:$|\n|[-:=,.;!?)\]*/&+|<]|(?<![Aa])[^\S\n]\(|(?:because|since|as|due|rather\sthan|instead\sof|over|(?:and|but)\snot)\b))"
)
# In a list, any letter names an option ("A, C are shown") unless it is an article or the pronoun.
_LISTED = _LETTER + r"(?!(?<=(?-i:[aI]))[^\S\n]+(?!(?:and|or)\b)\w)"
_NAMED = rf"(?:{_GAP}(?:(?:the\s)?(?:option|choice|letter|answer)\b|选项))?{_GAP}"
_NUMBER = r"(?:\d{1,2}[.)]\s{0,3})?"  # of a line: "1. B"
_IS = r"(?:is|would be|should be|must be|(?:appears|seems) to be)\b"
_HEDGE = r"(?:therefore|thus|clearly|definitely|certainly|(?:most )?likely|probably)\b"
_CLOSING = r"[*_\"”')\]}$]{0,4}"
_REASON = r"\b(?:because|since|due|(?<!well\s)as(?!\swell))\b|因为|由于"
_RATHER = r"\b(?:rather\sthan|instead\sof|as\sopposed\sto)\b"
_LEAD = (
    r"(?:(?:based\son|according\sto|looking\sat|judging\sby|from|in)\s[^.,;:!?\n]{1,60},\s)?"
    rf"(?:(?:(?:it|this|that|there|here)(?:\sis|'s)?|these\sare|so|thus|therefore|hence|the|my|final|correct|best|{_HEDGE})"
    r"\b[\W_]{1,12}){0,6}"
)

# An option named by its text, perhaps after an article.
_SIGN = rf"(?:(?:the|an?)\s{{1,3}}[*_\"“'(\[]{{0,4}})?(?P<sign>{_A_SIGN})(?:\s(?:side|one)\b)?"
_IN_IMAGE = (
    r"(?:\s(?:in|on|by|within|from)\s(?:the|this|that)\s(?:[\w-]{1,15}\s){0,3}"
    r"(?:image|picture|scan|figure|photo|slide|x-ray|radiograph|ct|mri|view))?"
)
_STOP = rf"{_CLOSING}(?:\s{{0,3}}$|\s{{0,3}}\n+|</|[.!]{_CLOSING}(?=\s|$)|。)"

# The end of a clause about an option without a full stop: reasons or a contrast follow.
_TURN = rf"{_CLOSING},?\s?(?:{_REASON}|{_RATHER}|(?:but\s|and\s)?not\s|over\s)"

PHRASE = re.compile(
    rf"(?:(?<!\beach\s)(?<!\bevery\s)\b(?:answer|ans|choice|option|letter|(?:correct|right|best)\sone)\b(?:\s+(?:to|for)\s[^.,;:!?\n]{{1,60}}?)?"
    rf"[\s*_\"'.]{{0,12}}(?:{_IS}(?:\s+{_HEDGE})?|[:=>])|\bfinal\sanswer\b(?!\s{_IS})"
    rf"|\bI\s(?:think|believe)\b(?:\s{_HEDGE})?|\bI(?:'d|\swould)\s(?:say|guess)\b"
    r"|\b(?:response|output|prediction|result|conclusion|assistant|diagnosis|finding|modality|organ|location|side)[*_\"']{0,3}:"
    r"|\b(?:choose|select|pick|go with)\b|\\boxed\{(?:\\\w+\{)?"
    r"|答案(?:应该|应当|应|就)?[是为选]?|选项\s*[是为:]|选择?[是为]?|正确的[是为]|而?应[该当]?[是为]|而是|(?<=,)是)",
    re.I,
)
# The option that follows is meant: "not A but B", "it isn't A, it's B".
CONTRAST = re.compile(
    r"(?:\bnot\b|n't\b)[^.!?\n]{1,80}?"
    r"(?:\b(?:but|rather(?!\sthan)|instead(?!\sof))\b(?:\srather\b)?|,(?=\s(?:it|this|that)(?:\sis|'s)\b))",
    re.I,
)
EXPLICIT = re.compile(rf"(?:\s?(?:it|this)(?:\sis|'s)\b(?:\s{_HEDGE})?)?{_NAMED}{_LABEL}", re.I)
# "B is correct", with B first in its clause: "both A and B is correct" does not match.
CORRECT = re.compile(
    rf"(?:^|[\n.!?;:,。]|\b(?:option|choice|answer|so|therefore|thus|hence|think|believe|that)\b|选项)"
    rf"{_GAP}(?:{_LETTER}|{_SIGN}){_GAP}(?:选?项)?"
    r"(?:\bis\s+(?:the\s+)?(?:(?:most likely|most appropriate|best|right)\s+)?"
    r"(?:(?:correct|answer|choice|option|diagnosis|finding|cause|explanation)\b|right\b(?!\s\w))"
    r"|[是为]?(?:正确|对(?!\w)|对的|答案))",
    re.I,
)
LEADING = re.compile(
    rf"{_GAP}{_NUMBER}{_GAP}{_LEAD}(?:应[该当]?)?[是为]?{_NAMED}{_LABEL}"
    rf"(?!{_GAP}(?:is|isn't|are|was|wrong|incorrect)\b)",  # (B) is small; Option B: wrong
    re.I,
)
# A letter, or an option's text, and nothing else: once, or as often as a model that repeats itself says it.
ALONE = re.compile(rf"[\W_]*{_LETTER}(?:[\W_]+(?P=letter))*[\W_]*", re.I)
NAMED_ALONE = re.compile(rf"[\W_]*(?P<sign>{_A_SIGN})(?:[\W_]+(?P=sign))*[\W_]*")
# A letter at the start of a line or clause, as in a list of the options.
MARKED = re.compile(
    rf"(?:^|[\n.,;!?。、]|{_A_SIGN}(?!\s?\([a-z]\)(?!\s?{_A_SIGN})))\s{{0,12}}(?:[-•*]\s)?{_NUMBER}[(*_\[]{{0,4}}(?:(?:option|choice)\s|选项)?"
    rf"{_LETTER}(?=[*_]{{0,4}}(?:[).:\]、]|\s-\s|[^\S\n]*(?:\n|$)))",
    re.I,
)
# The last line or sentence, if it is only an option.
LAST = re.compile(
    rf"(?:\n|[?!]\s|(?<=\w{{3}}\.)\s|(?<={_A_SIGN}\.)\s)"
    rf"(?P<claim>[^\w\n]*(?:{_LETTER}|(?:{_LETTER.replace('letter', 'before')}[^\w\n]+)?{_SIGN})[\W_]*)$",
    re.I,
)

# Crosses and ticks judge each option, in too many formats.
CROSS = re.compile("[❌❎✗✘✖≠]")
CLAUSE = re.compile(r"[,.;:!?\n。、]")
NEGATION = re.compile(
    rf"\b(?:not|cannot|never|neither|nor|wrong|incorrect|false|unlikely|least|worst|second|if|whether)\b|n't\b|[不错]|非(?!常)"
    rf"|{_RATHER}",
    re.I,
)
# Keeps a sentence that names an option from claiming it.
UNSURE = re.compile(
    rf"{NEGATION.pattern}|\b(?:no(?!\sdoubt)|without|could|may|might|possibly|perhaps|maybe|fails?|except|unlike|than|other|another)\b",
    re.I,
)
# The text of an option as a separate clause, with its letter before or after it: "It is the spleen (D), because".
TOLD = re.compile(
    rf"{_GAP}{_NUMBER}{_GAP}{_LEAD}(?:(?P<label>(?<!{_W})[A-Za-z])(?P<between>[\W_]{{1,12}}))?(?:(?:on|in|at)\s)?{_SIGN}"
    rf"(?:[*_\s]{{0,6}}[(\[](?:(?:option|choice|answer)\s)?(?P<behind>[A-Za-z])[)\]])?{_IN_IMAGE}"
    rf"(?:(?P<stop>{_STOP})|(?={_TURN}|{_CLOSING}(?:,?而?不是|[,;]\s|\s{{1,3}}-\s|\s\((?![A-Za-z]\)))))",
    re.I,
)
# The text of an option directly after a letter, or on the next line.
OWN = re.compile(
    rf"(?:[^\S\n]|[^\w\s]|_){{0,12}}(?:\n{{1,3}}\s{{0,3}}(?=(?:(?:the|an?)\s)?{_A_SIGN}{_CLOSING}[.!]?\s{{0,3}}(?:$|\n)))?{_SIGN}",
    re.I,
)
# A sentence about what is seen: "The image shows the liver", "A liver is seen in this scan".
SHOWN = re.compile(
    rf"(?:(?:(?<!^\w\s)(?<!\W\w\s)\b(?:(?:is|are)(?:\s(?:located|situated|found))?(?:\s(?:on|in|at))?|shows?|depicts?|displays?|demonstrates?|represents?|reveals?|indicates?|illustrates?|suggests?"
    rf"|(?:appears|seems)\sto\sbe|looks\slike|point(?:s|ing)\sto|consistent\swith|diagnosis\sof|(?:seen|shown|visible|depicted)\s(?:here\s)?is)|'s)\s(?:{_HEDGE}\s)?"
    rf"[*_\"“'(\[]{{0,4}}{_SIGN}"
    rf"|(?:^|[\n.!?,])\s?{_SIGN.replace('sign', 'subject')}\s(?:is|are|can\sbe|was)\s(?:(?:clearly|mainly|well|being)\s)?"
    r"(?:seen|shown|visible|present|depicted|identified|displayed|highlighted|indicated|noted|observed|detected|visualized|imaged|affected|involved)\b)"
    rf"(?:\s?\((?P<behind>[A-Za-z])\))?{_IN_IMAGE}(?:{_STOP}|(?={_TURN}|,\s(?:which|with|where|indicating|suggesting|showing|I)\b))",
    re.I,
)
NAME = re.compile(_SIGN)
# The end of the sentence after a letter, or the start of its reasons.
SENTENCE = re.compile(rf"[.!?](?=\s|$)|[\n。]|{_REASON}", re.I)

_RIGHT = r"(?:correct|right|true|possible|plausible|likely|valid|acceptable|reasonable)"
_WRONG = r"(?:wrong|incorrect|false|unlikely|impossible|excluded|ruled\sout)"
_NOT = r"(?:not|cannot|(?:is|are|was|were|do|does|did|ca|could|would)n't)"
_SO = r"(?:also|then|too|even|still|both|all|very|entirely|clearly|definitely|possibly|probably|perhaps|maybe|likely|equally)"
# A doubt about the option just named: "B, which is wrong", "B? Not sure.", "B. No".
DOUBT = re.compile(
    rf"{_GAP}(?:(?:but|though|or|which|that|this|it|i|option|answer|is|was|am|it's|that's|i'm|seems|be|{_SO})\b[\W_]{{1,4}}){{0,6}}"
    rf"(?:{_WRONG}\b(?!\s(?:answer|option|choice))|(?:{_NOT}|never)\s(?:(?:the|be|{_SO})\s){{0,2}}(?:{_RIGHT}|sure|certain|answer|seen|visible|shown)\b|un(?:sure|certain)\b"
    rf"|(?:no|not|maybe\snot)(?=[^\S\n]*(?:$|[,.;:!?)\n]))|[是为]?(?:错|不[对正]|不是(?!\w)|不确定))",
    re.I,
)
# A rejection after an option: "A is wrong", "A and C are not seen". "Cannot be excluded" is the opposite.
REJECTED = re.compile(
    rf"(?P<others>(?:[,\s]{{1,3}}(?:(?:and|or|nor)\s)?[a-z]\b){{0,4}})[\s:*_)-]{{0,6}}(?:(?:is|are|was|were|do|does|did|can|could|would)\b\s)?"
    rf"(?:be\s)?(?:{_SO}\s)?(?:{_NOT}\b(?!\s(?:(?:be|{_SO})\s){{0,2}}(?:{_WRONG}|sure|certain)\b)"
    rf"|(?:less\slikely|less\splausible|{_WRONG})\b|[是为]?(?:错|不[对是正]))",
    re.I,
)
_TOO = (
    rf"(?:{_SO}|and|or|but|however|alternatively|otherwise|yet|either|actually|rather|is\sit|hmm|wait|sorry|namely|"
    r"specifically)"
)
_HAN_TOO = r"[也还有可能或者以及是]{0,6}"
_ALSO = r"\balso(?:\s\w{1,12}){1,3}\b"  # "I would also accept B"
_CLAUSE_END = rf"(?={_CLOSING}\s{{0,3}}(?:$|[.,;:!?\n。)]|(?:and|or|can|cannot|can't|could|may|might)\b))"
# Another letter: directly after the first, or after the punctuation of a list or a conjunction in the same sentence.
NEXT = re.compile(rf"{_GAP}{_NUMBER}{_NAMED}{_LABEL}", re.I)
LISTED = re.compile(
    rf"(?:[,;&+/|、和或与及]|\b(?:and|or|then|but|though|although|while|yet|as|with|plus|versus|vs)\b|{_ALSO})"
    rf"(?:{_GAP}\b{_TOO}\b){{0,4}}(?:{_NAMED}{_HAN_TOO}{_LISTED}|{_GAP}{_SIGN}{_CLAUSE_END})",
    re.I,
)
# Another letter in a later sentence: "However, B is seen", "Or C".
AGAIN = re.compile(rf"(?:(?:^|[.!?\n。(])(?:{_GAP}\b{_TOO}\b){{1,4}}|{_ALSO}){_NAMED}{_LISTED}", re.I)
# Another option that is accepted, anywhere: "B is possible", "C也对".
POSSIBLE = re.compile(
    rf"(?:{_LETTER}|{_SIGN})(?:[\s)*_]{{0,4}}\s(?:(?:is|are|could|may|might|would|can|be|seems|remains|to|the|an?|more|most|{_SO})\s){{1,6}}"
    rf"(?:{_RIGHT}|answer|option|choice|better|best)\b|\s(?:also|too|possibly|perhaps|maybe|as\swell)\b|选?项?[也都])",
    re.I,
)
TOO = re.compile(rf"(?:{_GAP}\b{_TOO}\b){{1,4}}", re.I)
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
ORDINAL = re.compile(
    rf"\b(?P<ordinal>{'|'.join(_ORDINALS)}|last|(?P<number>\d)(?:st|nd|rd|th))\s(?:answer\s)?option\b", re.I
)
_THINKING = r"(?:think|thinking|thought|analysis|reasoning)>"


def final_part(text: str) -> str:
    """Remove complete or unfinished thinking (<think>) and the tokens of a chat format (<|im_end|>, <s>) from an answer.

    >>> final_part("<think>A or C?</think> B<|im_end|>")
    ' B '
    """
    behind = re.split(f"</{_THINKING}", text)[-1]
    return without_tokens(re.split(f"<{_THINKING}", behind, maxsplit=1)[0])


def lettered(text: str, known: str) -> str:
    """Replace ordinals by letters of options that exist: "the second option" becomes "the option B".

    >>> lettered("I choose the second option.", "ABCD")
    'I choose the option B.'
    """

    def letter(match: re.Match[str]) -> str:
        ordinal = match["ordinal"].lower()
        if match["number"]:
            number = int(match["number"]) - 1
        else:
            number = len(known) - 1 if ordinal == "last" else _ORDINALS.index(ordinal)
        return f"option {known[number]}" if 0 <= number < len(known) else match.group()

    return ORDINAL.sub(letter, text) if known else text
