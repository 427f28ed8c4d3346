"""What a person decided about which rows: a log that only grows, with undo and redo without end.

Every action is one event. A decision about many rows (a lasso, "drop all of these") is one event
too, and is undone as one. Undo and redo are events themselves, so that the log tells the whole
story and nothing is ever changed or deleted.

How the present follows from the log: each decision knows its `parent`, the decision that was in
effect on top of the others when it was made. The newest event knows the `head`, the decision now
on top. In effect are the head, its parent, that one's parent, and so on. Undo moves the head to its
parent; redo moves it back towards the newest decision; a new decision grows from the head, which
leaves what had been undone on a branch that no redo reaches, as editors do.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from dvgs_core.errors import InputError
from dvgs_core.store.clock import now, parsed
from dvgs_core.store.workspace import Workspace

Decision = Literal["keep", "relabel", "drop", "undecided"]
Label = str | int | float | bool

DECISIONS: tuple[Decision, ...] = get_args(Decision)

_FEW = 32  # rows of an action that are looked up by row; larger ones are searched


@dataclass(frozen=True, eq=False)
class Change:
    """One action about one or more rows.

    Attributes:
        event: its number in the log.
        kind: decide, undo or redo.
        rows: (n,) int64 row ids, ascending: whose decision it made, took back or restored.
        decision, label: what was decided, taken back or restored; the label is None where rows
            got different ones.
        description: for a message or a button, like "drop of 3 rows".
    """

    event: int
    kind: Literal["decide", "undo", "redo"]
    rows: np.ndarray
    decision: Decision
    label: Label | None
    description: str


@dataclass(frozen=True, eq=False)
class Entry:
    """One decision about one row, as its history shows it.

    Attributes:
        event: its number in the log.
        decision, label: what was decided.
        rows: how many rows the action was about.
        note, reviewer: why, and who.
        at: when.
        undone: it was taken back, or belongs to a branch that was.
    """

    event: int
    decision: Decision
    label: Label | None
    rows: int
    note: str
    reviewer: str
    at: datetime
    undone: bool


@dataclass(frozen=True, eq=False)
class _Batch:
    """A decision about some rows, as it stands in the log; a label each where they differ."""

    event: int
    rows: np.ndarray
    decision: Decision
    label: Label | list[Label] | None
    note: str
    reviewer: str
    at: str
    parent: int | None

    @property
    def description(self) -> str:
        count = f"{len(self.rows):,} row{'' if len(self.rows) == 1 else 's'}"
        match self.decision:
            case "relabel" if isinstance(self.label, list):
                return f"relabel of {count} to {len(set(map(str, self.label)))} labels"
            case "relabel":
                return f"relabel of {count} to {self.label}"
            case "undecided":
                return f"reset of {count}"
        return f"{self.decision} of {count}"

    def as_change(self, event: int, kind: Literal["decide", "undo", "redo"]) -> Change:
        label = None if isinstance(self.label, list) else self.label
        return Change(event, kind, self.rows, self.decision, label, self.description)

    def label_of(self, row: int) -> Label | None:
        if isinstance(self.label, list):
            return self.label[int(np.searchsorted(self.rows, row))]
        return self.label


class DecisionLog:
    """The decisions about one dataset. Safe to use from many threads and processes at once.

    Args:
        workspace: where they are kept.
        dataset_id: the dataset whose rows are decided.

    Raises:
        InputError: there is no such dataset.
    """

    def __init__(self, workspace: Workspace, dataset_id: str):
        self.workspace = workspace
        self.dataset = workspace.dataset(dataset_id)
        self._lock = threading.Lock()
        self._batches: dict[int, _Batch] = {}
        self._of_row: dict[int, list[int]] = {}  # actions about few rows, by row
        self._of_many: list[int] = []  # actions about many
        self._read_until = 0
        self._head: int | None = None
        self._tip: int | None = None
        self._current: pd.DataFrame | None = None

    def decide(
        self,
        rows: Iterable[int],
        decision: Decision,
        *,
        label: Label | None = None,
        labels: Sequence[Label] | None = None,
        note: str = "",
        reviewer: str = "",
        token: str | None = None,
    ) -> Change:
        """Decide about rows, as one action.

        Args:
            rows: row ids; the order and repetitions do not matter.
            decision: keep, relabel, drop, or undecided to take a row's decision back.
            label: the new label, for relabel and only for it.
            labels: instead of it, a new label for each of `rows`, which are then distinct.
            note: why.
            reviewer: who.
            token: made by whoever asks, different for each action. An action that arrives again
                with the same token is accepted and does nothing.

        Returns:
            What was recorded; for a repeated token, what was recorded the first time.

        Raises:
            InputError: no rows, rows that are not there, an unknown decision, a label missing or
                out of place.
            ValueError: the token belongs to another kind of action.
        """
        given = np.asarray(rows if isinstance(rows, np.ndarray) else list(rows))
        ids = self._checked_rows(given)
        if decision not in DECISIONS:
            raise InputError(f"A decision is one of {', '.join(DECISIONS)}; got {decision!r}.")
        kept_label: Label | list[Label] | None
        if labels is None:
            kept_label = _checked_label(decision, label)
        else:
            kept_label = _checked_labels(decision, label, labels, given)
        with self.workspace.database.writing() as connection:
            known = self._seen(connection, token)
            if known is None:
                self._append(
                    connection,
                    kind="decide",
                    token=token,
                    rows=json.dumps(ids.tolist(), separators=(",", ":")),
                    decision=decision,
                    label=None if kept_label is None else json.dumps(kept_label),
                    note=note,
                    reviewer=reviewer,
                    parent=self._newest_head(connection),
                )
                known = connection.execute("SELECT last_insert_rowid()").fetchone()[0]
        change = self._change(known)
        if change is None:
            raise ValueError(f"the token {token!r} was used by an undo or redo that did nothing")
        return change

    def undo(self, *, reviewer: str = "", token: str | None = None) -> Change | None:
        """Take back the last action that is in effect.

        Args:
            reviewer: who.
            token: as for `decide`.

        Returns:
            What was taken back, or None if nothing was in effect.
        """
        return self._move("undo", reviewer, token)

    def redo(self, *, reviewer: str = "", token: str | None = None) -> Change | None:
        """Restore the last action that was taken back, unless something was decided since.

        Args:
            reviewer: who.
            token: as for `decide`.

        Returns:
            What was restored, or None if there was nothing to restore.
        """
        return self._move("redo", reviewer, token)

    def can_undo(self) -> str | None:
        """What an undo would take back, like "drop of 3 rows"; None if there is nothing."""
        with self._lock:
            self._refresh()
            return None if self._head is None else self._batches[self._head].description

    def can_redo(self) -> str | None:
        """What a redo would restore, like "drop of 3 rows"; None if there is nothing."""
        with self._lock:
            self._refresh()
            event = self._redoable(self._head)
            return None if event is None else self._batches[event].description

    def current(self) -> pd.DataFrame:
        """The decision in effect for each row that has one.

        Returns:
            Sorted by row: row (int64), decision (category), label (object: the new label, None
            unless relabelled), note, reviewer (str), at (datetime64[us, UTC]). A row that was
            set back to undecided is listed as undecided; one never decided is not listed.
        """
        with self._lock:
            self._refresh()
            if self._current is None:
                self._current = self._replayed()
            return self._current.copy()

    def counts(self) -> dict[Decision, int]:
        """How many rows have each decision in effect.

        Returns:
            A number for every decision; "undecided" counts the rows set back to it.
        """
        numbers = self.current()["decision"].value_counts()
        return {decision: int(numbers.get(decision, 0)) for decision in DECISIONS}

    def log(self) -> pd.DataFrame:
        """Everything that happened, one line an action and row, oldest first.

        Returns:
            event (int64, number of the action), action (decide, undo, redo), subject (Int64, the
            event taken back or restored), row (int64), decision, label, note, reviewer, at.
        """
        with self._lock:
            self._refresh()
            batches, until = dict(self._batches), self._read_until
        with self.workspace.database.reading() as connection:
            events = connection.execute(
                "SELECT id, kind, subject, reviewer, note, at FROM decision_events "
                "WHERE dataset = ? AND (kind = 'decide' OR subject IS NOT NULL) AND id <= ? "
                "ORDER BY id",
                (self.dataset.id, until),
            ).fetchall()
        meant = [batches[event["subject"] or event["id"]] for event in events]
        line = np.repeat(np.arange(len(events)), [len(batch.rows) for batch in meant])
        return pd.DataFrame(
            {
                "event": np.array([event["id"] for event in events], dtype="int64")[line],
                "action": _texts([event["kind"] for event in events]).take(line),
                "subject": pd.array([event["subject"] for event in events], "Int64").take(line),
                "row": _joined(meant),
                "decision": _texts([batch.decision for batch in meant]).take(line),
                "label": _labels(meant, line),
                "note": _texts([event["note"] for event in events]).take(line),
                "reviewer": _texts([event["reviewer"] for event in events]).take(line),
                "at": _times([event["at"] for event in events])[line],
            }
        )

    def history(self, row: int) -> list[Entry]:
        """Every decision about a row, the newest first, also those taken back since.

        Args:
            row: its id.
        """
        with self._lock:
            self._refresh()
            many = [e for e in self._of_many if _holds(self._batches[e].rows, row)]
            events = sorted([*self._of_row.get(row, ()), *many], reverse=True)
            standing = self._chain() if events else set()
            batches = [self._batches[event] for event in events]
        return [
            Entry(
                event=batch.event,
                decision=batch.decision,
                label=batch.label_of(row),
                rows=len(batch.rows),
                note=batch.note,
                reviewer=batch.reviewer,
                at=_moment(batch.at),
                undone=batch.event not in standing,
            )
            for batch in batches
        ]

    def decided_at(self, reviewer: str) -> Iterator[datetime]:
        """When a reviewer decided, action by action, the newest first."""
        with self._lock:
            self._refresh()
            batches = list(self._batches.values())
        return (_moment(batch.at) for batch in reversed(batches) if batch.reviewer == reviewer)

    def newest(self) -> int:
        """Number of the newest event, 0 before the first: it grows with whatever happens."""
        with self._lock:
            self._refresh()
            return self._read_until

    def _chain(self) -> set[int]:
        """The decisions in effect: the head, its parent, and so on."""
        chain, event = set(), self._head
        while event is not None:
            chain.add(event)
            event = self._batches[event].parent
        return chain

    def _checked_rows(self, given: np.ndarray) -> np.ndarray:
        if given.size == 0:
            raise InputError("A decision needs at least one row; select rows first.")
        if given.dtype.kind not in "iu" or given.ndim != 1:
            raise InputError(f"Row ids are whole numbers; got {given.dtype} values.")
        ids = np.unique(given.astype(np.int64))
        if ids[0] < 0 or ids[-1] >= self.dataset.rows:
            wrong = ids[0] if ids[0] < 0 else ids[-1]
            raise InputError(
                f"{self.dataset.name} has rows 0 to {self.dataset.rows - 1:,}; got row {wrong}."
            )
        return ids

    def _move(
        self, kind: Literal["undo", "redo"], reviewer: str, token: str | None
    ) -> Change | None:
        with self._lock, self.workspace.database.writing() as connection:
            known = self._seen(connection, token)
            if known is None:
                # under the write lock nobody else can add events, so this is the present
                self._take_in(connection)
                subject = self._head if kind == "undo" else self._redoable(self._head)
                if subject is None and token is None:
                    return None
                head = self._head
                if subject is not None:
                    head = self._batches[subject].parent if kind == "undo" else subject
                # Without a subject it says only that the token was used: were it to arrive again
                # after the next decision, it must not take that one back.
                self._append(
                    connection,
                    kind=kind,
                    token=token,
                    note="",
                    reviewer=reviewer,
                    subject=subject,
                    head=head,
                )
                known = connection.execute("SELECT last_insert_rowid()").fetchone()[0]
        return self._change(known)

    def _append(self, connection: sqlite3.Connection, **values: Any) -> None:
        values |= {"dataset": self.dataset.id, "at": now()}
        connection.execute(
            f"INSERT INTO decision_events ({', '.join(values)}) "
            f"VALUES ({', '.join('?' * len(values))})",
            tuple(values.values()),
        )

    def _seen(self, connection: sqlite3.Connection, token: str | None) -> int | None:
        """The event with this token, if it was used before."""
        if token is None:
            return None
        row = connection.execute(
            "SELECT id FROM decision_events WHERE dataset = ? AND token = ?",
            (self.dataset.id, token),
        ).fetchone()
        return None if row is None else row["id"]

    def _newest_head(self, connection: sqlite3.Connection) -> int | None:
        row = connection.execute(
            "SELECT id, kind, head FROM decision_events WHERE dataset = ? ORDER BY id DESC LIMIT 1",
            (self.dataset.id,),
        ).fetchone()
        if row is None:
            return None
        return row["id"] if row["kind"] == "decide" else row["head"]

    def _change(self, event: int) -> Change | None:
        with self._lock:
            self._refresh()
            if event in self._batches:
                return self._batches[event].as_change(event, "decide")
        with self.workspace.database.reading() as connection:
            row = connection.execute(
                "SELECT kind, subject FROM decision_events WHERE id = ?", (event,)
            ).fetchone()
        if row["subject"] is None:
            return None
        return self._batches[row["subject"]].as_change(event, row["kind"])

    def _refresh(self) -> None:
        with self.workspace.database.reading() as connection:
            self._take_in(connection)

    def _take_in(self, connection: sqlite3.Connection) -> None:
        """Read the events that came since the last look, from this process or any other."""
        events = connection.execute(
            "SELECT * FROM decision_events WHERE dataset = ? AND id > ? ORDER BY id",
            (self.dataset.id, self._read_until),
        ).fetchall()
        for event in events:
            self._read_until = event["id"]
            if event["kind"] == "decide":
                batch = self._batches[event["id"]] = _batch(event)
                if len(batch.rows) > _FEW:
                    self._of_many.append(batch.event)
                for row in batch.rows.tolist() if len(batch.rows) <= _FEW else ():
                    self._of_row.setdefault(row, []).append(batch.event)
                self._head = self._tip = event["id"]
            else:
                self._head = event["head"]
        if events:
            self._current = None

    def _redoable(self, head: int | None) -> int | None:
        """The decision that a redo would restore: the step from the head towards the newest."""
        event = self._tip
        while event is not None and event != head:
            parent = self._batches[event].parent
            if parent == head:
                return event
            event = parent
        return None

    def _replayed(self) -> pd.DataFrame:
        chain: list[_Batch] = []
        event = self._head
        while event is not None:
            chain.append(self._batches[event])
            event = chain[-1].parent
        # the newest comes first here, and np.unique keeps the first of each row
        rows, first = np.unique(_joined(chain), return_index=True)
        batch = np.repeat(np.arange(len(chain)), [len(b.rows) for b in chain])[first]
        codes = np.array([DECISIONS.index(b.decision) for b in chain], dtype=np.int8)
        return pd.DataFrame(
            {
                "row": rows,
                "decision": pd.Categorical.from_codes(codes[batch], categories=DECISIONS),
                "label": _labels(chain, batch, first),
                "note": _texts([b.note for b in chain]).take(batch),
                "reviewer": _texts([b.reviewer for b in chain]).take(batch),
                "at": _times([b.at for b in chain])[batch],
            }
        )


def _checked_label(decision: Decision, label: Label | None) -> Label | None:
    """The label as JSON can hold it, where there should be one."""
    if decision != "relabel":
        if label is not None:
            raise InputError(f"Only relabel takes a label; {decision} came with {label!r}.")
        return None
    if label is None:
        raise InputError("Relabel needs the new label; choose one.")
    plain = label.item() if isinstance(label, np.generic) else label
    if not isinstance(plain, str | int | float | bool):
        raise InputError(f"A label is text, a number or a truth value; got {type(label).__name__}.")
    if isinstance(plain, float) and not np.isfinite(plain):
        raise InputError(f"A label is a value that can be written; got {plain!r}.")
    return plain


def _checked_labels(
    decision: Decision, label: Label | None, labels: Sequence[Label], rows: np.ndarray
) -> list[Label] | Label:
    """The labels in the order of the rows as they are kept; one label if all are the same."""
    if decision != "relabel" or label is not None:
        raise InputError("Only relabel takes labels, and either one for all or one for each row.")
    if len(labels) != len(rows) or len(np.unique(rows)) != len(rows):
        raise InputError(
            f"Relabelling one by one needs distinct rows and a label for each; got {len(rows)} "
            f"rows and {len(labels)} labels."
        )
    checked = [_checked_label(decision, one) for one in labels]
    kept = [checked[at] for at in np.argsort(rows, kind="stable")]
    same = all(type(one) is type(kept[0]) and one == kept[0] for one in kept)
    return kept[0] if same else kept  # type: ignore[return-value]


def _batch(event: sqlite3.Row) -> _Batch:
    return _Batch(
        event=event["id"],
        rows=np.array(json.loads(event["rows"]), dtype=np.int64),
        decision=event["decision"],
        label=None if event["label"] is None else json.loads(event["label"]),
        note=event["note"],
        reviewer=event["reviewer"],
        at=event["at"],
        parent=event["parent"],
    )


def _joined(batches: list[_Batch]) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype=np.int64), *(batch.rows for batch in batches)])


def _texts(values: list[str]) -> Any:
    return pd.array(values, dtype="str")


def _labels(batches: list[_Batch], where: np.ndarray, which: np.ndarray | None = None) -> pd.Series:
    """Label of each line: that of its batch, or of its place in the batch.

    Args:
        batches: some hold a label a row.
        where: (lines,) the batch of each line.
        which: (lines,) place of each line among all rows of all batches, joined; None: in order.
    """
    array = np.empty(len(batches), dtype=object)
    array[:] = [None if isinstance(batch.label, list) else batch.label for batch in batches]
    labels = array[where]
    if any(isinstance(batch.label, list) for batch in batches):
        joined = np.empty(sum(len(batch.rows) for batch in batches), dtype=object)
        at = 0
        for batch in batches:
            joined[at : at + len(batch.rows)] = batch.label  # a list: one each; else the same
            at += len(batch.rows)
        labels = joined if which is None else joined[which]
    # the type is said, or pandas makes a column of text when all labels are text
    return pd.Series(labels, dtype=object)


def _holds(rows: np.ndarray, row: int) -> bool:
    at = int(np.searchsorted(rows, row))
    return at < len(rows) and rows[at] == row


def _moment(text: str) -> datetime:
    moment = parsed(text)
    assert moment is not None
    return moment


def _times(values: list[str]) -> pd.DatetimeIndex:
    # all texts have one form, without a zone at the end pandas reads them fastest
    texts = np.array([value.removesuffix("+00:00") for value in values], dtype="datetime64[us]")
    return pd.DatetimeIndex(texts).tz_localize("UTC")
