"""Everything that can go wrong in the engine, in words a person can act on.

WanggeError                 what, where, what to do: Chinese and English
├── Invalid                 the input breaks a rule (carries all findings)
├── NotFound                there is no such thing, or it is outside your scope: one answer for both
├── Forbidden               your post does not allow this here
├── Conflict                somebody was first, or the thing has moved on
├── Refused                 the law, the pack or the state of the matter forbids this act
└── Unavailable             the engine cannot do this now: try later, nothing was written
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from engine.model import Value

Level = Literal["error", "warning", "advice"]


class Words(NamedTuple):
    """One sentence in the two languages of the product."""

    zh: str
    en: str

    def __str__(self) -> str:
        return f"{self.zh} {self.en}"


class Finding(Value, frozen=True):
    """What is wrong with one element of a diagram, table or pack.

    `rule` names the check (`form.undefined-reference`), `element` the BPMN id, `name` its label as drawn,
    `message` says it in plain words (Chinese, then English), `article` cites the law where the rule has one
    (`ZJ-13.3`), `path` lists element ids of the shortest way to the fault, `file` is the path of the file of a pack
    that it lies in.
    """

    rule: str
    level: Level
    element: str
    message: str
    name: str = ""
    article: str = ""
    path: tuple[str, ...] = ()
    file: str = ""


class WanggeError(Exception):
    """Base of all errors. `code` is stable and dotted; `words` say what, where and what to do."""

    status = 500

    def __init__(self, code: str, zh: str, en: str, *, details: object = None) -> None:
        super().__init__(f"{zh} {en}")
        self.code = code
        self.words = Words(zh, en)
        self.details = details


class Invalid(WanggeError):
    """The input breaks a rule; `findings` lists every one of them, not only the first."""

    status = 422

    def __init__(self, code: str, zh: str, en: str, findings: Iterable[Finding] = ()) -> None:
        super().__init__(code, zh, en)
        self.findings: Sequence[Finding] = tuple(findings)


class NotFound(WanggeError):
    """There is no such thing, or it is outside the caller's scope: both get the same answer."""

    status = 404


class Forbidden(WanggeError):
    """The caller's post does not allow this act here."""

    status = 403


class Conflict(WanggeError):
    """Somebody else was first; `details` says who and when."""

    status = 409


class Refused(WanggeError):
    """The law, the pack or the state of the matter forbids this act; `article` cites why."""

    status = 422

    def __init__(self, code: str, zh: str, en: str, *, article: str = "", details: object = None) -> None:
        super().__init__(code, zh, en, details=details)
        self.article = article


class Unavailable(WanggeError):
    """The engine cannot do this now. Nothing was written; trying again later is safe."""

    status = 503
