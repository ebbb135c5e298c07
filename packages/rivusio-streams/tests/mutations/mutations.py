"""Planted bugs. Each has to make a test fail: see `mutate`."""

# ruff: noqa: E501  # sources as they stand

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MUTATIONS", "Mutation"]


@dataclass(frozen=True)
class Mutation:
    """A bug.

    Attributes:
        name: what is wrong then.
        file: of the sources, from the folder of the package `rivusio_streams`.
        old: what stands there, exactly once.
        new: what to put in its place.
    """

    name: str
    file: str
    old: str
    new: str


ALIGNED = "engine/operators/aligned.py"
SESSION = "engine/operators/session.py"
SLIDING = "engine/operators/sliding.py"
GLOBAL = "engine/operators/everything.py"
COUNT = "engine/operators/counted.py"
EARLY = "engine/operators/early.py"
WINDOWING = "engine/operators/windowing.py"
EVENT_TIME = "event_time.py"
TIME_STAGE = "engine/event_time_stage.py"
STAGE = "engine/operator_stage.py"
CLOCK_STAGE = "engine/clock_time_stage.py"
MERGE = "engine/merge_stage.py"
READER = "engine/reader.py"

MUTATIONS = (
    # ------------------------------------------------------------------------------- tumbling, hopping, own windows
    Mutation(
        "a tumbling window begins one microsecond late",
        "windows/tumbling.py",
        "start = time - (time - self.offset) % self.length",
        "start = time - (time - self.offset - 1) % self.length",
    ),
    Mutation(
        "the shortcut puts items into the window that follows, if that is open",
        ALIGNED,
        "found = open_.get((start + size, start))",
        "found = open_.get((start + 2 * size, start + size)) or open_.get((start + size, start))",
    ),
    Mutation(
        "the shortcut takes items into closed windows",
        ALIGNED,
        "if found is None or found.closed:",
        "if found is None:",
    ),
    Mutation(
        "the shortcut lets no time pass between items",
        ALIGNED,
        "                if mark >= self.next:\n                    self.advance(mark)\n                start =",
        "                start =",
    ),
    Mutation(
        "a hopping window ends one microsecond early",
        "windows/hopping.py",
        "oldest = behind + (length - 1 - behind)",
        "oldest = behind + (length - 2 - behind)",
    ),
    Mutation("an aligned window takes items at its very end", ALIGNED, "if mark < end:", "if mark <= end:"),
    Mutation(
        "allowed lateness is one microsecond longer",
        ALIGNED,
        "elif mark < end + self.allowed:",
        "elif mark <= end + self.allowed:",
    ),
    Mutation(
        "an aligned window closes one microsecond late",
        ALIGNED,
        "while self._closing and self._closing[0][0] <= watermark:",
        "while self._closing and self._closing[0][0] < watermark:",
    ),
    Mutation(
        "a closed window is kept one microsecond longer, an item shorter",
        ALIGNED,
        "        while self._dropping and self._dropping[0][0] + self.allowed <= watermark:",
        "        while self._dropping and self._dropping[0][0] + self.allowed - 1 <= watermark:",
    ),
    Mutation(
        "an item that only a closed window takes is late",
        ALIGNED,
        "                taken = True",
        "                taken = False",
    ),
    Mutation("an item between windows is late", ALIGNED, "taken = not spans", "taken = False"),
    Mutation(
        "an item counts as held in no window",
        ALIGNED,
        "        waiting.held += 1  # windows come in the order of their ends\n",
        "",
    ),
    Mutation("the index of panes does not go on", ALIGNED, "found.panes[key] = index + 1", "found.panes[key] = index"),
    Mutation("discarding panes accumulate", ALIGNED, "            if not self.accumulate:", "            if False:"),
    Mutation(
        "what a trigger remembers outlives the close",
        ALIGNED,
        "        for pending in found.pending.values():\n            pending.over = True\n",
        "",
    ),
    Mutation(
        "early panes come after the window that ends later", ALIGNED, "self.give_due(self._closing[0][0] - 1)", "pass"
    ),
    Mutation(
        "at one moment early panes come before ends",
        ALIGNED,
        "self.give_due(self._closing[0][0] - 1)",
        "self.give_due(self._closing[0][0])",
    ),
    Mutation(
        "a snapshot forgets the index of panes",
        ALIGNED,
        "                    [*each.panes.items()],",
        "                    [],",
    ),
    Mutation(
        "a snapshot forgets that windows are closed",
        ALIGNED,
        "                    each.closed,",
        "                    False,",
    ),
    Mutation(
        "a restored window is never dropped",
        ALIGNED,
        "        heapify(self._closing)\n        heapify(self._dropping)",
        "        heapify(self._closing)\n        self._dropping.clear()",
    ),
    # ------------------------------------------------------------------------------------------------------ sessions
    Mutation(
        "items as far apart as the gap are one session",
        SESSION,
        "start = stop = bisect_right(own, time - self._gap, key=_last)",
        "start = stop = bisect_left(own, time - self._gap, key=_last)",
    ),
    Mutation(
        "items as far apart as the gap are one session, to the right",
        SESSION,
        "own[stop].first - self._gap < time",
        "own[stop].first - self._gap <= time",
    ),
    Mutation(
        "a session is not merged with the next",
        SESSION,
        "        return own[start:stop]",
        "        return own[start : min(stop, start + 1)]",
    ),
    Mutation(
        "merging loses the items of a session",
        SESSION,
        "session.accumulator = self.fold.merge(session.accumulator, other.accumulator)",
        "session.accumulator = session.accumulator",
    ),
    Mutation(
        "a merged session forgets how many panes there were",
        SESSION,
        "session.panes, session.held = max(session.panes, other.panes), session.held + other.held",
        "session.panes, session.held = session.panes, session.held + other.held",
    ),
    Mutation(
        "a merged session forgets what it holds",
        SESSION,
        "session.panes, session.held = max(session.panes, other.panes), session.held + other.held",
        "session.panes, session.held = max(session.panes, other.panes), session.held",
    ),
    Mutation(
        "a session does not grow to the left",
        SESSION,
        "session.first, session.last = min(session.first, time), max(session.last, time)",
        "session.last = max(session.last, time)",
    ),
    Mutation(
        "lateness of sessions is one microsecond shorter",
        SESSION,
        "time + self._gap + self.allowed <= mark",
        "time + self._gap + self.allowed <= mark + 1",
    ),
    Mutation(
        "lateness of sessions is one microsecond longer",
        SESSION,
        "time + self._gap + self.allowed <= mark",
        "time + self._gap + self.allowed < mark",
    ),
    Mutation(
        "a session is closed one microsecond early",
        SESSION,
        "if session.last + self._gap > mark:",
        "if session.last + self._gap > mark + 1:",
    ),
    Mutation("a session that grows again stays closed", SESSION, "            session.closed = False\n", ""),
    Mutation(
        "a session closes where it would have ended before it grew",
        SESSION,
        "            if session.last + self._gap > end:\n                self._await_end(session)\n            else:",
        "            if True:",
    ),
    Mutation(
        "a closed session takes no late items",
        SESSION,
        "        if self.allowed:\n            self._await_drop(session)\n        else:",
        "        if True:",
    ),
    Mutation(
        "a session is dropped when an older end of it is over",
        SESSION,
        " and session.last + self._gap + self.allowed == drop",
        "",
    ),
    Mutation(
        "a snapshot forgets the order of sessions", SESSION, "                each.order,\n", "                0,\n"
    ),
    Mutation(
        "a snapshot forgets the panes of sessions", SESSION, "                each.panes,\n", "                0,\n"
    ),
    # ------------------------------------------------------------------------------------------------------- sliding
    Mutation(
        "a sliding window reaches one microsecond too far back",
        SLIDING,
        "(time - self._size + 1, -1)",
        "(time - self._size, -1)",
    ),
    Mutation(
        "a sliding window is without the items of its own time",
        SLIDING,
        "        return items[start : bisect_left(items, (time + 1, -1), key=_place)]",
        "        return items[start : max(start + 1, bisect_left(items, (time, -1), key=_place))]",
    ),
    Mutation(
        "a late item goes into no later window",
        SLIDING,
        "is_own and not in_time and not after",
        "is_own and not in_time",
    ),
    Mutation(
        "a late item goes into one window too many",
        SLIDING,
        "stop = bisect_left(own.items, (time + self._size, -1), key=_place)",
        "stop = bisect_left(own.items, (time + self._size + 1, -1), key=_place)",
    ),
    Mutation(
        "lateness of sliding windows is one microsecond shorter",
        SLIDING,
        "in_time = mark <= time + self.allowed",
        "in_time = mark < time + self.allowed",
    ),
    Mutation(
        "a sliding window closes one microsecond late",
        SLIDING,
        "self._closing[0][0] < watermark:",
        "self._closing[0][0] + 1 < watermark:",
    ),
    Mutation(
        "items of sliding windows are forgotten too early",
        SLIDING,
        "        while self._forgetting and self._forgetting[0][0] + self._size + self.allowed <= watermark:",
        "        while self._forgetting and self._forgetting[0][0] + self._size <= watermark:",
    ),
    Mutation(
        "items of sliding windows are never forgotten",
        SLIDING,
        "            del own.items[: bisect_left(own.items, (time + 1, -1), key=_place)]\n",
        "",
    ),
    Mutation(
        "a discarding sliding window begins empty",
        SLIDING,
        "            window.new = [each for each in self._within(own, window.time) if each is not item]",
        "            window.new = []",
    ),
    Mutation(
        "a snapshot forgets what no pane of a sliding window held",
        SLIDING,
        "(each.time, each.order, list(each.new), each.panes,",
        "(each.time, each.order, [], each.panes,",
    ),
    # ----------------------------------------------------------------------------------------------- global and count
    Mutation(
        "a global window gives nothing at the end",
        GLOBAL,
        '                if own.accumulator is not NOTHING:\n                    self._give(own, "on_time")\n',
        "",
    ),
    Mutation("a global window gives its result at the end twice", GLOBAL, "            self._keys.clear()\n", ""),
    Mutation("a global window forgets its panes", GLOBAL, "        own.panes += 1\n", ""),
    Mutation(
        "a snapshot forgets what a global window accumulated",
        GLOBAL,
        "(own.key, own.latest, self.dump(own.accumulator), own.panes)",
        "(own.key, own.latest, NOTHING, own.panes)",
    ),
    Mutation(
        "a count window is given one item early",
        COUNT,
        "own.windows[0].items == self._n:",
        "own.windows[0].items == max(1, self._n - 1):",
    ),
    Mutation(
        "count windows begin one item apart",
        COUNT,
        "own.since = (own.since + 1) % self._every",
        "own.since = (own.since + 1) % self._n",
    ),
    Mutation(
        "count windows give partial results at the end",
        COUNT,
        "        self.filtered += self.held\n        self.held = 0\n",
        "        for key, own in self._keys.items():\n            for each in own.windows:\n                self._give(key, each, 0)\n        self.held = 0\n",
    ),
    Mutation(
        "a snapshot forgets the place between count windows",
        COUNT,
        "                own.since,\n",
        "                0,\n",
    ),
    # -------------------------------------------------------------------------------------------------------- triggers
    Mutation(
        "what a trigger remembers is not begun anew",
        WINDOWING,
        "            found.over = True\n            self.give_early(where, mark)\n            return None",
        "            self.give_early(where, mark)\n            return found",
    ),
    Mutation(
        "a trigger fires one item late",
        "trigger.py",
        "return state + 1, state + 1 >= self.n",
        "return state + 1, state >= self.n",
    ),
    Mutation(
        "a deadline runs from the latest item",
        EARLY,
        "        pending.state, fires =",
        "        if self._after is not None:\n            pending.by_event_time = time + self._after\n        pending.state, fires =",
    ),
    Mutation(
        "a deadline that was reached already does not fire",
        EARLY,
        "return pending, fires or pending.by_event_time <= mark",
        "return pending, fires",
    ),
    Mutation(
        "deadlines are met one microsecond late",
        EARLY,
        "while self._by_event_time and self._by_event_time[0][0] <= watermark:",
        "while self._by_event_time and self._by_event_time[0][0] < watermark:",
    ),
    Mutation(
        "a deadline is met though a pane was given since",
        EARLY,
        "            pending = heappop(self._by_event_time)[-1]\n            if not pending.over:\n                yield pending",
        "            yield heappop(self._by_event_time)[-1]",
    ),
    Mutation(
        "merged sessions wait for the later deadline",
        EARLY,
        "made.by_event_time = min(made.by_event_time, each.by_event_time)",
        "made.by_event_time = max(made.by_event_time, each.by_event_time)",
    ),
    Mutation(
        "a merged session forgets what a trigger counted",
        EARLY,
        "                made.state = self._trigger.merge(made.state, each.state)\n",
        "",
    ),
    Mutation(
        "a snapshot forgets what a trigger remembers",
        EARLY,
        "(name, each.state, each.by_event_time,",
        "(name, self._trigger.create(), each.by_event_time,",
    ),
    Mutation(
        "a deadline by the clock begins anew with each restart",
        EARLY,
        "by_clock = FOREVER if left is None else now + left",
        "by_clock = FOREVER if left is None else now + (self._after_clock or 0)",
    ),
    Mutation(
        "joined triggers wait for both",
        "trigger.py",
        "any(fires for _, fires in answers)",
        "all(fires for _, fires in answers)",
    ),
    Mutation(
        "joined triggers wait for the longer period",
        "trigger.py",
        "return min(by_event, default=None),",
        "return max(by_event, default=None),",
    ),
    # ------------------------------------------------------------------------------------------------------ watermarks
    Mutation(
        "the largest watermark of the partitions counts",
        EVENT_TIME,
        "self.combined = max(self.combined, min(counting))",
        "self.combined = max(self.combined, max(counting))",
    ),
    Mutation(
        "the watermark goes back",
        EVENT_TIME,
        "self.combined = max(self.combined, min(counting))",
        "self.combined = min(counting)",
    ),
    Mutation(
        "idle partitions count",
        EVENT_TIME,
        "counting = [w for p, w in self._reached.items() if p not in self._idle]",
        "counting = [*self._reached.values()]",
    ),
    Mutation(
        "other partitions count though they are idle",
        EVENT_TIME,
        "if p != partition and p not in idle",
        "if p != partition",
    ),
    Mutation(
        "a partition that gives something stays idle",
        EVENT_TIME,
        "        self._idle.discard(partition)\n        others, floor =",
        "        others, floor =",
    ),
    Mutation(
        "a partition that says its watermark stays idle",
        EVENT_TIME,
        "        self._idle.discard(partition)\n        self._reached[partition] = max(",
        "        self._reached[partition] = max(",
    ),
    Mutation(
        "the watermark of a partition goes back when it says so",
        EVENT_TIME,
        "self._reached[partition] = max(self._reached[partition], watermark)",
        "self._reached[partition] = watermark",
    ),
    Mutation(
        "an item is judged by the watermark after it",
        EVENT_TIME,
        "        self._reached[partition] = own.pop()\n",
        "        self._reached[partition] = own.pop()\n        own = [*own[1:], self._reached[partition]]\n",
    ),
    Mutation(
        "items are judged without the other partitions",
        EVENT_TIME,
        "[max(floor, min(others, mark)) for mark in own]",
        "[max(floor, mark) for mark in own]",
    ),
    Mutation(
        "the watermark does not stay behind by the bound",
        EVENT_TIME,
        "            highest = [mark - bound if mark > NEVER else NEVER for mark in highest]",
        "            pass",
    ),
    Mutation(
        "a snapshot forgets who is idle", EVENT_TIME, "(reached, partition in self._idle) for", "(reached, False) for"
    ),
    Mutation(
        "a snapshot forgets how far partitions have come",
        EVENT_TIME,
        "            self._reached[partition] = reached\n",
        "",
    ),
    Mutation("a stamp in the future moves the watermark", TIME_STAGE, "if max(times) > limit:", "if False:"),
    Mutation(
        "a stamp just near enough moves nothing",
        TIME_STAGE,
        "[time if time <= limit else NEVER",
        "[time if time < limit else NEVER",
    ),
    Mutation(
        "idleness is not heard of",
        TIME_STAGE,
        "                self._watermarks.go_idle(signal.origin)\n                await self._say()",
        "                self._watermarks.go_idle(signal.origin)",
    ),
    Mutation(
        "the end of a partition is not heard of", TIME_STAGE, "            self._watermarks.end(signal.origin)\n", ""
    ),
    Mutation("items move marked partitions", TIME_STAGE, "        if origin in self._told:", "        if False:"),
    Mutation(
        "the idle clock begins anew with each restart",
        READER,
        "self._waited = 0.0 if start is None else start.waited",
        "self._waited = 0.0",
    ),
    Mutation(
        "the idle clock does not begin anew with an item",
        READER,
        "self._waiting_since, self._waited = None, 0.0",
        "self._waiting_since, self._waited = None, self.waited",
    ),
    Mutation(
        "a merge goes by its fastest input",
        MERGE,
        "            self.combined = min(counting)\n",
        "            self.combined = max(counting)\n",
    ),
    Mutation(
        "time passes for windows before the items on their way",
        CLOCK_STAGE,
        "[now] * count, [now] * count",
        "[now] * count, [now + 1] * count",
    ),
    # ----------------------------------------------------------------------------------------------------- the stage
    Mutation(
        "a watermark waits for the next item",
        STAGE,
        "        if watermark >= operator.next:\n            held, filtered",
        "        if False:\n            held, filtered",
    ),
    Mutation(
        "the end gives everything twice",
        STAGE,
        "                operator.finish()\n",
        "                operator.finish()\n                operator.values *= 2\n                operator.times *= 2\n                operator.marks *= 2\n",
    ),
    Mutation("the end closes nothing", STAGE, "                operator.finish()\n", ""),
    Mutation("the clock is not looked at", STAGE, "                        self.operator.tick()\n", ""),
    Mutation("late items are lost", STAGE, "            await self._late_out.take(late)\n", "            pass\n"),
)
