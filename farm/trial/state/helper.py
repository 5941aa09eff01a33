"""Reads a board's files again and again, and prints what has changed. What is sent to a board.

It needs the standard library of Python 3.5, and starts no program but the slow script that it may be given. It runs
when nothing else wants a processor, and less often where a reading is dear. A line is

    <t> <before> <period ms> <readings> <cpu us> <busy> <total> <own> TAB <name> RS <value> TAB <name that is gone> ...

``t`` and ``before`` are this reading and the one before, ns of CLOCK_MONOTONIC; then how often it means to read, how
many readings there were, and what they took in all; then ticks of the board's processors, and the runner's own of
them, - where they are not known. It ends with its input, which ends with the link.
"""

import os
import select
import sys
import time

_SHARE = 0.001
"""Of a processor that reading may take: a board on which that is dear is read less often."""
_MOST_PERIOD_S = 10.0
_QUIET_NS = 5 * 1000 * 1000 * 1000
"""A line comes at least this often, and so a silence tells something."""
_SLOW_NS = 5 * 1000 * 1000 * 1000
"""Between two runs of a script that starts programs."""
_STEPS = {"celsius.": 500, "coretemp.": 500, "apex.temp": 500, "other": 10}
"""Thousandths of a degree, and per cent: what moves by less is not told."""
_MEMORY_STEP = 0.02
_MOST_BYTES = 4096


def now():
    """Return the time, ns."""
    read = getattr(time, "clock_gettime_ns", None)  # Python 3.7
    return read(time.CLOCK_MONOTONIC) if read is not None else int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1e9)


def contents(path):
    """Return a file's text; None where it cannot be read."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return os.read(file, _MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    finally:
        os.close(file)


def told(text):
    """Return what the places script found: facts, and where the others lie."""
    facts, places = {}, {}
    for line in text.split("\n"):  # splitlines() would split at RS too
        name, tab, value = line.partition("\t")
        if tab and value[:1] == "\x1e":
            places.setdefault(name, value[1:])
        elif tab:
            facts.setdefault(name, value.strip())
    return {name: value for name, value in facts.items() if name not in places}, places


def value_of(name, text):
    """Return what a file says: its first line, or of the memory's what programs can still have."""
    if name == "memory_kb":
        found = text.partition("MemAvailable:")[2].split()
        return found[0] if found else ""
    return text.partition("\n")[0].strip().strip("\0").replace("\t", " ")


def ticks(stat: str):
    """Return (busy, total) of the first line of ``/proc/stat``; what a host took from the board is in neither."""
    user, nice, system, idle, iowait, irq, softirq = (int(word) for word in stat.split()[1:8])
    busy = user + nice + system + irq + softirq
    return busy, busy + idle + iowait


class Runner:
    """The processor time of the program that runs the model, all its threads, and of children that it waited for.

    What an earlier run has left in its folder, on a board that rebooted for instance, is not it: a new run removes that
    before it begins.
    """

    def __init__(self, folder, root):
        """Take the folder in which it leaves its number; "": there is none, and nothing is known."""
        self._folder, self._root = folder, root
        self._file = self._pid = ""
        self._ticks = self._earlier = 0

    def ticks(self):
        """Return it, that of earlier ones included; 0 until one has begun, None once it has ended.

        What it took between the last reading and its end nobody knows: that is no other load.
        """
        if not self._folder:
            return None
        self._find()
        if self._pid:
            fields = (contents("{}/proc/{}/stat".format(self._root, self._pid)) or "").rpartition(")")[2].split()
            if len(fields) > 14:
                self._ticks = sum(int(field) for field in fields[11:15])
            elif self._ticks:
                return None
        return self._earlier + self._ticks

    def _find(self):
        try:
            names = [name for name in os.listdir(self._folder) if name.endswith(".pid")]
        except OSError:
            return
        if not names or self._file in names:
            return
        pid = (contents(self._folder + "/" + names[0]) or "").strip()
        if pid:  # else it is just being written
            self._file, self._pid = names[0], pid
            self._earlier, self._ticks = self._earlier + self._ticks, 0


class Watch:
    """What was told last."""

    def __init__(self, found, runner, slow):
        """Take what the places script printed, the runner, and the slow script."""
        self._facts, self._places = told(found)
        self._runner, self._slow = runner, slow
        self._said = {}
        self._before_ns = self._said_ns = self._slow_ns = 0
        self._readings = 0
        self._counted = None
        self.period_s = 1.0

    def read(self, cpu_ns, last=False):
        """Read everything once; print a line if there is something to tell."""
        t_ns = now()
        facts = dict(self._facts)
        for name, path in self._places.items():
            text = contents(path)
            value = value_of(name, text) if text else ""
            if value:
                facts[name] = value
        if self._slow and t_ns - self._slow_ns > _SLOW_NS:
            self._slow_ns = t_ns
            self._facts.update(ask(self._slow))
        counted = self._count(facts)
        self._readings += 1
        self._tell(t_ns, facts, counted, cpu_ns, last)
        self._before_ns = t_ns

    def _count(self, facts):
        """Return the ticks; beside them stands, as a fact, the share that others had since the last reading."""
        stat = facts.pop("stat", None)
        if stat is None:
            return "- - -"
        busy, total = ticks(stat)
        own = self._runner.ticks()
        before = self._counted
        if own is None and before is not None and before[2] is not None:  # as it was when the runner was last seen
            self._facts.pop("other", None)
            facts.pop("other", None)
            return "{} {} {}".format(*before)
        self._counted = (busy, total, own)
        if own is None:
            return "{} {} -".format(busy, total)
        if before is not None and total > before[1]:
            others = busy - before[0] - (own - before[2])
            self._facts["other"] = facts["other"] = str(max(0, 100 * others // (total - before[1])))
        return "{} {} {}".format(busy, total, own)

    def _tell(self, t_ns, facts, counted, cpu_ns, last):
        changed = [name for name in facts if self._moved(name, facts[name])]
        gone = [name for name in self._said if name not in facts]
        late = t_ns - self._before_ns > 2e9 * self.period_s
        if not (changed or gone or late or last or t_ns - self._said_ns > _QUIET_NS):
            return
        self._said_ns = t_ns
        for name in changed:
            self._said[name] = facts[name]
        for name in gone:
            del self._said[name]
        before_ns, period_ms = self._before_ns or t_ns, round(1000 * self.period_s)
        head = " ".join(map(str, (t_ns, before_ns, period_ms, self._readings, cpu_ns // 1000, counted)))
        words = [head] + [name + "\x1e" + facts[name] for name in changed] + gone
        os.write(1, ("\t".join(words) + "\n").encode("utf-8", "surrogateescape"))  # as argv has it

    def _moved(self, name, value):
        """Return whether a fact is another than was told, by more than its step."""
        if name not in self._said:
            return True
        said = self._said[name]
        if value == said or name == "loadavg":
            return False
        step = next((step for start, step in _STEPS.items() if name.startswith(start)), 0)
        try:
            if name == "memory_kb":
                return abs(int(value) - int(said)) >= _MEMORY_STEP * int(said)
            return not step or abs(int(value) - int(said)) >= step
        except ValueError:
            return True


def ask(script):
    """Return the facts that a script prints."""
    import subprocess  # costs every start that does not need it

    try:
        said = subprocess.check_output(["sh", "-c", script], stderr=subprocess.DEVNULL, timeout=5)
    except (OSError, subprocess.SubprocessError):
        return {}
    return told(said.decode("utf-8", "replace"))[0]


def step_aside():
    """Run only when nothing else wants to, as far as the kernel lets."""
    os.nice(19)
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except (AttributeError, OSError):
        pass


def main():
    """Read what the command line says until the input ends."""
    found, period_s, folder, root, slow = sys.argv[1:]
    step_aside()
    watch = Watch(found, Runner(folder, root), slow)
    watch.period_s = float(period_s)
    begun_s = time.process_time()
    last, readings = False, 0
    while True:
        watch.read(int((time.process_time() - begun_s) * 1e9), last)
        readings += 1
        if last:
            return
        cost_s = (time.process_time() - begun_s) / readings
        watch.period_s = min(max(float(period_s), cost_s / _SHARE), _MOST_PERIOD_S)
        last = bool(select.select([0], [], [], watch.period_s)[0])


if __name__ == "__main__":
    main()
