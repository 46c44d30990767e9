"""Reads the claims of an answer while it streams.

A claim is a sentence of the answer with the markers that belong to it. The reader only watches: tokens are never held
back, and however the answer is cut into tokens the same claims come out.
"""

from __future__ import annotations

import re
from collections import deque

from rag.citations.markers import read_markers, without_markers
from rag.text.sentences import MAX_SENTENCE, find_border, has_stop, trimmed
from rag.vocabulary import Claim

_FENCE = re.compile(r"\s*(?:```|~~~)")
_CLAUSE_STOP = ("；", "……", "…")
_FARTHEST_BEFORE = 2 * MAX_SENTENCE
_AT_ONCE = 1_000
_REFERENCE = re.compile(r"\s*[\[［【]\^?\d+[\]］】]\s*(?:[:：]|https?://|\[|\S.*[^.!?。！？…\s]\s*\Z)", re.DOTALL)


class ClaimQueue:
    """The claims of an answer that is being said, on their way to be checked.

    Reading a token of a megabyte takes seconds. What is long is therefore read only as claims are asked for.
    """

    def __init__(self) -> None:
        self._reader = ClaimReader()
        self._unread: deque[str] = deque()
        self._ready: deque[Claim] = deque()
        self._ends = False

    def __bool__(self) -> bool:
        """Whether there is anything to ask `next` for."""
        return bool(self._ready or self._unread)

    def feed(self, token: str) -> None:
        """Adds a token."""
        if len(token) <= _AT_ONCE and not self._unread:
            self._ready += self._reader.feed(token)
        else:
            self._unread += (token[start : start + _AT_ONCE] for start in range(0, len(token), _AT_ONCE))

    def finish(self) -> None:
        """The answer ends here."""
        self._ends = True
        self._look_for_end()

    def next(self) -> Claim | None:
        """The next claim; None when the piece of the answer that was read in search of one had none."""
        if not self._ready and self._unread:
            self._ready += self._reader.feed(self._unread.popleft())
            self._look_for_end()
        return self._ready.popleft() if self._ready else None

    def _look_for_end(self) -> None:
        if self._ends and not self._unread:
            self._ready += self._reader.finish()


class ClaimReader:
    """Feed it the tokens of one answer, then finish it.

    Code between fences holds no claims; a line that begins with a marker and is no sentence (`[1] Title, https://…`)
    is an entry of a list of references and no claim either. A Chinese clause that ends in `；` without a marker goes on
    to the next one. A marker alone on its line belongs to the sentence before it, which is then told a second time.
    """

    def __init__(self) -> None:
        self._text = ""
        self._offset = 0
        self._position = 0
        self._in_code = False
        self._before = ""
        self._quiet = True

    def feed(self, token: str) -> list[Claim]:
        """Adds a token; returns the claims that are complete since: their sentence and its markers have passed.

        The time over a whole answer is linear: what is settled is dropped, and only what is new is looked at.
        """
        self._text += token
        if self._quiet and len(self._text) <= MAX_SENTENCE and not has_stop(token):
            return []  # most tokens: nothing before waits for what follows, and nothing in it ends a sentence
        return self._settle(complete=False)

    def finish(self) -> list[Claim]:
        """The answer ends here; returns the claims that were still open."""
        return self._settle(complete=True)

    def _settle(self, *, complete: bool) -> list[Claim]:
        claims = []
        done = 0
        while done < len(self._text):
            border, self._position = find_border(self._text, done, self._position, complete=complete)
            if border is None:
                if not complete:
                    break
                border = len(self._text)
            sentence = self._text[done:border]
            if border < len(self._text) and self._goes_on(sentence):
                self._position = border
                continue
            claims += self._read(sentence)
            self._offset += len(sentence)
            done = self._position = border
        self._text = self._text[done:]
        self._position -= done
        self._quiet = self._position == len(self._text)
        return claims

    def _goes_on(self, sentence: str) -> bool:
        return not self._in_code and sentence.endswith(_CLAUSE_STOP) and not read_markers(sentence)

    def _read(self, sentence: str) -> list[Claim]:
        """The claim in one sentence that has just ended, with the white space around it."""
        if _FENCE.match(sentence):
            self._in_code, self._before = not self._in_code, ""
            return []
        before, start = self._before, self._offset
        start_in, end_in = trimmed(sentence, 0, len(sentence))
        if start_in == end_in:
            if before and len(before) < _FARTHEST_BEFORE:
                self._before += sentence
            else:
                self._before = ""
            return []
        self._before = "" if self._in_code else sentence
        if self._in_code or (_REFERENCE.match(sentence) and len(read_markers(sentence)) < 2):
            return []
        text = sentence[start_in:end_in]
        cites = tuple(dict.fromkeys(number for marker in read_markers(text) for number in marker.numbers))
        if cites and before.strip() and not any(character.isalnum() for character in without_markers(text)):
            whole = before + sentence
            start_in, end_in = trimmed(whole, 0, len(whole))
            text, start = whole[start_in:end_in], start - len(before)
        return [Claim(start + start_in, start + end_in, text, cites)]
