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
GRIDDED = "engine/operators/gridded.py"
HOPPING = "engine/operators/hopping.py"
SESSION = "engine/operators/session.py"
SLIDING = "engine/operators/sliding.py"
GLOBAL = "engine/operators/everything.py"
COUNT = "engine/operators/counted.py"
EARLY = "engine/operators/early.py"
WINDOWING = "engine/operators/windowing.py"
EVENT_TIME = "event_time.py"
TIME_STAGE = "engine/event_time_stage.py"
FUSED = "engine/fused_windows.py"
STAGE = "engine/operator_stage.py"
KEYED = "engine/keyed_stage.py"
SHARDED = "engine/sharded_stage.py"
SHARDING = "engine/sharding.py"
CLOCK_STAGE = "engine/clock_time_stage.py"
MERGE = "engine/merge_stage.py"
READER = "engine/reader.py"
PROCESS = "engine/operators/process.py"
FORGETTING = "engine/operators/forgetting.py"
RUNNING = "engine/operators/running.py"
DISTINCT = "engine/operators/distinct.py"
BOUNDED = "engine/bounded.py"
METER = "engine/meter.py"
INTERVAL = "engine/operators/interval_join.py"
ASOF = "engine/operators/asof_join.py"
ARRIVAL = "engine/operators/arrival_join.py"
WINDOW_JOIN = "engine/operators/window_join.py"
TUMBLING_JOIN = "engine/operators/tumbling_join.py"
JOIN = "engine/operators/join.py"
DIVISION = "engine/division.py"
SINK_STAGE = "engine/sink_stage.py"
WRITER = "engine/writer.py"
CSV = "connectors/csv.py"
SPENDING = "engine/spending.py"
FAILURES = "engine/failures.py"

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
        "engine/operators/tumbling.py",
        "found = self._open.get((start + self.width, start))",
        "found = self._open.get((start + 2 * self.width, start + self.width)) or self._open.get((start + self.width, start))",
    ),
    Mutation(
        "the shortcut takes items into closed windows",
        GRIDDED,
        "if time < before:",
        "if time < before - self.grid.every:",
    ),
    Mutation(
        "the shortcut lets no time pass between items",
        GRIDDED,
        "            if mark >= self.next:",
        "            if mark >= self.next and start == 0:",
    ),
    Mutation(
        "a run goes on over the end of a window",
        GRIDDED,
        "stop = first_at(marks, self._passed + grid.every, start)",
        "stop = first_at(marks, self._passed + 2 * grid.every, start)",
    ),
    Mutation(
        "the whole chunk is taken for a run too soon",
        GRIDDED,
        "highest_of(marks) < self._passed + grid.every:",
        "highest_of(marks) < self._passed + 2 * grid.every:",
    ),
    Mutation(
        "what is folded is counted into the last place",
        GRIDDED,
        "        self.count(failed=True)\n        return self.place_of_taken(time)",
        "        return self.place_of_taken(time)",
    ),
    Mutation(
        "an item that failed is held",
        GRIDDED,
        "self._from - length_hint(self._left) - failed",
        "self._from - length_hint(self._left)",
    ),
    Mutation(
        "the item behind one that failed is left out",
        GRIDDED,
        "batch.done = index + 1\n            raise",
        "batch.done = index + 2\n            raise",
    ),
    Mutation(
        "windows that share do not heed who came first",
        HOPPING,
        "place.overtaken.update(islice(reversed(place.seen), number))",
        "pass",
    ),
    Mutation(
        "windows that share take the slices of the one before",
        HOPPING,
        "starts = range(end - self.grid.length, end, self.width)",
        "starts = range(end - self.grid.length - self.width, end, self.width)",
    ),
    Mutation(
        "a slice is dropped with its first window",
        HOPPING,
        "islice(starts, self.grid.every // self.width)",
        "islice(starts, None)",
    ),
    Mutation(
        "a closed window opens again for a late slice",
        HOPPING,
        "if end > self._passed and end not in self._ends:",
        "if end not in self._ends:",
    ),
    Mutation("a key that failed is remembered", HOPPING, "            place.seen.pop(key, None)", "            pass"),
    Mutation(
        "a restored window forgets who came first",
        HOPPING,
        "kept, place.seen[key], overtaken = value",
        "kept, place.seen[key], overtaken = value[0], 0, False",
    ),
    Mutation(
        "a loop forgets what a snapshot has",
        "engine/folding.py",
        "        if settled:\n",
        "        if False:\n",
    ),
    Mutation(
        "a subclass is given the formula of its base",
        "aggregate.py",
        "        if any(name in vars(each) for name in _MEANING):\n            return None\n",
        "",
    ),
    Mutation(
        "a mark is that behind the item",
        "engine/marks.py",
        "            append(mark)\n            if time - bound > mark:\n                mark = time - bound\n",
        "            if time - bound > mark:\n                mark = time - bound\n            append(mark)\n",
    ),
    Mutation(
        "items too far in the future are within the span",
        EVENT_TIME,
        "            marks = OwnMarks(self._reached[partition], moving, self._bound)\n            return self._pass(partition, [*marks, marks.highest])\n",
        "            times, span = moving, None\n",
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
    Mutation("discarding panes accumulate", ALIGNED, "= accumulator if self.accumulate else NOTHING", "= accumulator"),
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
        "return self.dump(found.get(key)), found.panes.get(key, 0), None",
        "return self.dump(found.get(key)), 0, None",
    ),
    Mutation(
        "a snapshot forgets that windows are closed",
        ALIGNED,
        "return found.held, found.closed",
        "return found.held, False",
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
    Mutation("a snapshot forgets the order of sessions", SESSION, "            each.order,\n", "            0,\n"),
    Mutation("a snapshot forgets the panes of sessions", SESSION, "            each.panes,\n", "            0,\n"),
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
        "            del own.items[:stop]\n",
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
        "return each.order, new, each.panes,",
        "return each.order, [], each.panes,",
    ),
    # ----------------------------------------------------------------------------------------------- global and count
    Mutation(
        "a global window gives nothing at the end",
        GLOBAL,
        "                self._give_all()\n",
        "                pass\n",
    ),
    Mutation(
        "a global window with a trigger gives nothing at the end",
        GLOBAL,
        '                    if own.accumulator is not NOTHING:\n                        self._give(own, "on_time")\n',
        "",
    ),
    Mutation(
        "the latest time of a key is its first",
        GLOBAL,
        "                    if time > own.latest:\n                        own.latest = time\n",
        "",
    ),
    Mutation("a snapshot is without items of a chunk", GLOBAL, "            self.touched.update(touched)\n", ""),
    Mutation("a global window gives its result at the end twice", GLOBAL, "            self._keys.clear()\n", ""),
    Mutation("a global window forgets its panes", GLOBAL, "        own.panes += 1\n", ""),
    Mutation(
        "a snapshot forgets what a global window accumulated",
        GLOBAL,
        "return own.order, own.latest, self.dump(own.accumulator), own.panes,",
        "return own.order, own.latest, NOTHING, own.panes,",
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
        "            own.since,\n",
        "            0,\n",
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
        "Pending(where, state, order,",
        "Pending(where, self._trigger.create(), order,",
    ),
    Mutation(
        "a restored operator goes by the clock of the new run",
        STAGE,
        'self._shift = header["now"] - self._now()',
        "self._shift = 0",
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
        "        self._idle.discard(partition)\n        others, floor, alone =",
        "        others, floor, alone =",
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
        "engine/marks.py",
        "super().__init__(max(before, span[1] - bound), span, times)",
        "super().__init__(max(before, span[1]), span, times)",
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
        "an item just on time is late in one loop",
        FUSED,
        "if time < self._late_before:",
        "if time <= self._late_before:",
    ),
    Mutation(
        "windows stay open within a chunk in one loop",
        FUSED,
        "            filling.leave()\n            self._advance(mark)\n",
        "            pass\n",
    ),
    Mutation("what came before a failed item is not held", FUSED, "operator.held += filling.fail()", "filling.fail()"),
    Mutation(
        "items in one loop do not move the watermark", FUSED, "            timing.went_by(origin, work.latest)\n", ""
    ),
    Mutation(
        "an item that fails in one loop is left out",
        FUSED,
        "self.untimed, failed = isinstance(error, Untimed), 1",
        "self.untimed, failed = isinstance(error, Untimed), 0",
    ),
    Mutation(
        "a result that cannot be made is passed over",
        FUSED,
        "        if work.broken is not None:  # no item is at fault\n            raise work.broken\n",
        "",
    ),
    Mutation("times beyond the calendar get into windows", FUSED, "if not FIRST <= time <= LAST:", "if False:"),
    Mutation(
        "a place is kept while windows close",
        FUSED,
        "            filling.leave()\n            self._advance(mark)\n",
        "            self._advance(mark)\n",
    ),
    Mutation(
        "what is late in one loop is as it was at the beginning of the chunk",
        FUSED,
        "            self._late_before, self._next_end = operator.pass_mark(mark)\n        if",
        "            pass\n        if",
    ),
    Mutation(
        "a time that is no number is taken for one", "engine/timed_folding.py", "if type(t) is not int:", "if False:"
    ),
    Mutation("the latest time is the last", "engine/timed_folding.py", "if t > latest:", "if True:"),
    Mutation(
        "runs of earlier windows are taken for one",
        "engine/operators/runs.py",
        "runs += earlier",
        "runs += [(end - begin, times[begin])]",
    ),
    Mutation(
        "idleness is not heard of",
        TIME_STAGE,
        "                self._watermarks.go_idle(signal.origin)\n                await self.say()",
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
    Mutation("the clock is not looked at", STAGE, "                self.operator.tick()\n", ""),
    Mutation("late items are lost", KEYED, "            await self.late_out.take(late)\n", "            pass\n"),
    # ---------------------------------------------------------------------------------------- several processes
    Mutation(
        "shards are not put in order", SHARDED, "[*merge(*rows, key=_mark)] if columns and len(rows) > 1 else ", ""
    ),
    Mutation("a shard does not hear how far time has come", SHARDED, "        last.watermark = watermark\n", ""),
    Mutation("what windows hold is dealt out twice", ALIGNED, "return 0, shared[1]", "return shared"),
    Mutation(
        "what only a shard knows is forgotten",
        SHARDING,
        "                    changed[cell] = None\n",
        "                    pass\n",
    ),
    # ------------------------------------------------------------------------------- snapshots of what has changed only
    Mutation("a snapshot is without new keys of windows", ALIGNED, "for key in each.fresh:\n", "for key in ():\n"),
    Mutation(
        "a snapshot is without what became of windows",
        ALIGNED,
        "                yield place\n                for key in each.fresh",
        "                for key in each.fresh",
    ),
    Mutation(
        "a key of a window comes last when it is touched again",
        ALIGNED,
        "return {**self.settled, **self.fresh} if self.settled else self.fresh",
        "return {**self.fresh, **{k: v for k, v in self.settled.items() if k not in self.fresh}}",
    ),
    Mutation(
        "a snapshot takes the keys of windows for what they were at the one before",
        ALIGNED,
        "                each.settled.update(each.fresh)\n",
        "                each.settled.update({k: v for k, v in each.fresh.items() if k not in each.settled})\n",
    ),
    Mutation(
        "keys of windows that are dropped stay in checkpoints",
        ALIGNED,
        "            self.touched.update((*place, key) for key in found.all())\n",
        "",
    ),
    Mutation("windows that are dropped stay in checkpoints", ALIGNED, "            self.touched.add(place)\n", ""),
    Mutation("a snapshot is without new items of sessions", SESSION, "        self.touched.add(key)\n", ""),
    Mutation(
        "a snapshot is without the close of sessions",
        SESSION,
        "        self.touched.add(session.key)\n        self.held -=",
        "        self.held -=",
    ),
    Mutation(
        "sessions that are over stay in checkpoints",
        SESSION,
        "        self.touched.add(session.key)\n        session.gone = True",
        "        session.gone = True",
    ),
    Mutation("a snapshot is without early panes of sessions", SESSION, "        self.touched.add(where.key)\n", ""),
    Mutation(
        "a snapshot is without new items of sliding windows",
        SLIDING,
        "        self.touched.add((key, *item[:2]))\n",
        "",
    ),
    Mutation(
        "a snapshot is without sliding windows that take an item",
        SLIDING,
        "            window = own.windows[time]\n            self.touched.add((window.key, time))\n",
        "            window = own.windows[time]\n",
    ),
    Mutation(
        "a snapshot is without the close of sliding windows",
        SLIDING,
        "        self.touched.add((window.key, window.time))\n        self.held -=",
        "        self.held -=",
    ),
    Mutation(
        "a snapshot is without early panes of sliding windows",
        SLIDING,
        "        self.touched.add((where.key, where.time))\n",
        "",
    ),
    Mutation(
        "sliding windows that are over stay in checkpoints",
        SLIDING,
        "            self.touched.add((window.key, window.time))\n            del",
        "            del",
    ),
    Mutation(
        "items that no sliding window needs stay in checkpoints",
        SLIDING,
        "            self.touched.update((key, *item[:2]) for item in own.items[:stop])\n",
        "",
    ),
    Mutation("a snapshot is without new items of global windows", GLOBAL, "        self.touched.add(key)\n", ""),
    Mutation(
        "a snapshot is without early panes of global windows", GLOBAL, "        self.touched.add(where.key)\n", ""
    ),
    Mutation("a snapshot is without new items of count windows", COUNT, "        self.touched.add(key)\n", ""),
    Mutation(
        "a snapshot is without what an item made of the state",
        PROCESS,
        "                touch(key)  #",
        "                #",
    ),
    Mutation(
        "a snapshot is without what a timer did",
        PROCESS,
        "        self.touched.add(key)\n        if chain >",
        "        if chain >",
    ),
    Mutation(
        "what a call set before it failed is done with the next",
        PROCESS,
        "            call.reset()\n            raise",
        "            raise",
    ),
    Mutation(
        "a timer is given the state of another key", PROCESS, "        call.value = self._recall(key, NOTHING)\n", ""
    ),
    Mutation(
        "states that expired stay in checkpoints",
        PROCESS,
        "            self.touched.add(key)\n            del self._states[key]",
        "            del self._states[key]",
    ),
    Mutation(
        "a snapshot is without timers",
        PROCESS,
        "self._expiry.at.get(cell), timers, used\n",
        "self._expiry.at.get(cell), [], used\n",
    ),
    Mutation("a snapshot is without new running values", RUNNING, "        self.touched.add(key)\n", ""),
    Mutation(
        "a snapshot is without running values that were made many at a time",
        STAGE,
        "            operator.touched.update(columns[KEY] if self._keyed else (None,))\n",
        "            pass\n",
    ),
    Mutation("a snapshot is without items that are remembered", DISTINCT, "        self.touched.add(same)\n", ""),
    Mutation(
        "values that are forgotten stay in checkpoints",
        FORGETTING,
        "            self.touched.add(key)\n",
        "",
    ),
    Mutation(
        "a snapshot is without new items of interval joins",
        INTERVAL,
        "            self.touched.update(_cell(side, own) for own in new)\n",
        "            pass\n",
    ),
    Mutation(
        "a snapshot does not know that an item has found a partner",
        INTERVAL,
        "            self.touched.add(_cell(side, other))\n",
        "            pass\n",
    ),
    Mutation(
        "items that are past an interval stay in checkpoints",
        INTERVAL,
        "            self.touched.update(_cell(side, own) for own in gone)\n",
        "            pass\n",
    ),
    Mutation(
        "a snapshot is without left items of as-of joins",
        ASOF,
        "                self.touched.update(zip(times, numbers, strict=True))\n",
        "                pass\n",
    ),
    Mutation(
        "left items that are given stay in checkpoints",
        ASOF,
        "                self.touched.update(each[:2] for each in lefts)\n",
        "                pass\n",
    ),
    Mutation(
        "a snapshot is without right items of as-of joins",
        ASOF,
        "                self.touched.update(new)\n",
        "                pass\n",
    ),
    Mutation(
        "a snapshot does not know that event time has reached a right item",
        ASOF,
        "                self.touched.update(reached)\n",
        "                pass\n",
    ),
    Mutation(
        "right items that are replaced stay in checkpoints",
        ASOF,
        "            self.touched.update((*entry[:2], key) for entry in own[:count])\n",
        "            pass\n",
    ),
    Mutation(
        "a snapshot is without rows of a table",
        ARRIVAL,
        "        self.touched.update(keys)\n",
        "",
    ),
    Mutation(
        "rows of a table that ended stay in checkpoints",
        ARRIVAL,
        "            self.touched.add(key)\n            del",
        "            del",
    ),
    Mutation(
        "a snapshot is without the items of window joins",
        WINDOW_JOIN,
        "        return self._inner.changed()\n",
        "        return self.touched\n",
    ),
    Mutation(
        "a snapshot is without the items of joins of tumbling windows",
        TUMBLING_JOIN,
        "        yield from self._cells(settled=False)\n",
        "",
    ),
    Mutation(
        "items of tumbling windows that were joined stay in checkpoints",
        TUMBLING_JOIN,
        "            self.touched.update(zip(repeat(start), repeat(number), range(side.stored)))\n",
        "            pass\n",
    ),
    Mutation(
        "unmatched items come behind pairs that the watermark completed later",
        INTERVAL,
        "        if behind:\n",
        "        if False:\n",
    ),
    Mutation(
        "event time runs ahead of an item of a join that failed",
        JOIN,
        "            highest = batch.marks[stop]\n",
        "            pass\n",
    ),
    Mutation(
        "an item that fails in a join is taken for the one before",
        JOIN,
        "raise RowFailed(stop, error)",
        "raise RowFailed(max(stop - 1, 0), error)",
    ),
    Mutation(
        "joins of tumbling windows refuse what is behind the watermark in an open window",
        JOIN,
        "[*map(ge, times, map(self.floor, marks))]",
        "[*map(ge, times, marks)]",
    ),
    Mutation(
        "items of joins are not put into the order of time",
        "engine/operators/timeline.py",
        "if self and new and new[0] < entries[-1]:",
        "if False:",
    ),
    Mutation(
        "cells are never settled",
        STAGE,
        "        operator.settle()\n        self._changed.clear()\n",
        "        self._changed.clear()\n",
    ),
    # ---------------------------------------------------------------------------------------------- limits of state
    Mutation(
        "reading a state is not using it",
        BOUNDED,
        "            self._copied.add(key)\n        self._use(key)\n        return",
        "            self._copied.add(key)\n        return",
    ),
    Mutation(
        "a duplicate is not a use of its key",
        DISTINCT,
        "                self.bounded.use(same)\n",
        "                pass\n",
    ),
    Mutation(
        "the order of use is not restored",
        BOUNDED,
        "                self._hot.move_to_end(key)\n            self",
        "                pass\n            self",
    ),
    Mutation(
        "a snapshot is without the use of a key by a duplicate",
        DISTINCT,
        "                self.touched.add(same)  # so it changed\n",
        "                pass\n",
    ),
    Mutation(
        "a forgotten key keeps its timers",
        PROCESS,
        "        self._timers.clear(key)\n        if self._expiry is not None:\n            self._expiry.forget(key)\n\n",
        "        if self._expiry is not None:\n            self._expiry.forget(key)\n\n",
    ),
    Mutation(
        "a snapshot still has the running value of a forgotten key",
        FORGETTING,
        "        self.touched.add(key)\n        self.forgotten += 1\n",
        "        self.forgotten += 1\n",
    ),
    Mutation(
        "what is on disk is not deleted with its key",
        BOUNDED,
        "            self._attempt(self._spill.delete, self._codec.encode_key(key))\n            self._away -= 1\n",
        "            pass\n",
    ),
    Mutation(
        "what is restored waits for the disk until all is there",
        BOUNDED,
        "            self.settle()  # it may",
        "            pass  # it may",
    ),
    Mutation(
        "states that changed in place are not weighed again",
        BOUNDED,
        "        self._hot.move_to_end(key)\n        self._used.add(key)\n",
        "        self._hot.move_to_end(key)\n        if key not in self._weights:\n            self._used.add(key)\n",
    ),
    Mutation(
        "windows that closed count for ever",
        METER,
        "                self._held -= weights.pop(each, 0)\n",
        "                pass\n",
    ),
    Mutation(
        "running values made many at a time are not counted",
        STAGE,
        "        if self._followed or self._meter is not None:  # all",
        "        if self._followed:  # all",
    ),
    Mutation(
        "a meter hides from snapshots what changed",
        STAGE,
        "                self._changed |= ids\n",
        "                pass\n",
    ),
    # ----------------------------------------------------------------------- refused items, error budget, error report
    Mutation(
        "the second half of a refused batch is written first",
        DIVISION,
        "waiting += [(middle, stop), (start, middle)]",
        "waiting += [(start, middle), (middle, stop)]",
    ),
    Mutation(
        "the first half of a refused batch is forgotten",
        DIVISION,
        "waiting += [(middle, stop), (start, middle)]",
        "waiting += [(middle, stop)]",
    ),
    Mutation(
        "what is not the fault of an item is divided",
        DIVISION,
        "except (ItemRefused, BadRecord) as error:",
        "except Exception as error:",
    ),
    Mutation(
        "items that a tee refuses are lost to the ledger",
        SINK_STAGE,
        "given=count if self._is_tee else passed",
        "given=passed",
    ),
    Mutation(
        "a disk that is full is the fault of an item",
        WRITER,
        "    if isinstance(error, OSError):  # some are a ValueError, too\n        return False\n",
        "    if isinstance(error, OSError):\n        return True\n",
    ),
    Mutation(
        "errors of databases are never those of an item",
        WRITER,
        "any(kind.__name__ in _OF_DATABASES for kind in type(error).__mro__)",
        "False",
    ),
    Mutation(
        "a refused batch leaves columns without their header",
        CSV,
        "                columns = list(row)\n",
        "                columns = self._columns = list(row)\n",
    ),
    Mutation(
        "the time of a budget is one part too long",
        SPENDING,
        "buckets[0].index <= index - _BUCKETS",
        "buckets[0].index < index - _BUCKETS",
    ),
    Mutation(
        "failures of long ago are never forgiven",
        SPENDING,
        "                self._failed -= old.failed\n",
        "                pass\n",
    ),
    Mutation(
        "the share that is allowed is too much",
        SPENDING,
        "share <= budget.share",
        "share < budget.share",
    ),
    Mutation(
        "a few items use up a budget",
        SPENDING,
        "taken < budget.at_least or ",
        "",
    ),
    Mutation(
        "kinds of failures fill the memory",
        FAILURES,
        "if len(self._kinds) >= _KINDS:",
        "if False:",
    ),
    Mutation(
        "the last example is told, not the first",
        FAILURES,
        "        found.last = now\n",
        "        found.last, found.example = now, error.reason\n",
    ),
)
