"""What labgrid takes for the same work; runs in labgrid's own Python and prints one JSON object.

``python theirs.py USER KEY TIMES LINES PORT …``
"""

# ruff: noqa: ANN001, ANN201, ANN202 -- labgrid has no types
import json
import sys
import threading
import time
from statistics import median

from labgrid import Target
from labgrid.driver import SSHDriver
from labgrid.resource import NetworkService


def driver(port, user, key):
    target = Target(f"board-{port}")
    NetworkService(target, "network", address="127.0.0.1", username=user, port=port)
    made = SSHDriver(target, "ssh", keyfile=key)
    target.activate(made)
    return target, made


def commands(ssh, times):
    spent = []
    for _ in range(times):
        begin = time.perf_counter()
        ssh.run("true")
        spent.append(time.perf_counter() - begin)
    return median(spent) * 1e3


def in_threads(made, each):
    right = []

    def ask(number, ssh):
        for n in range(each):
            try:
                stdout, _, status = ssh.run(f"echo {number}-{n}")
                right.append((stdout, status) == ([f"{number}-{n}"], 0))
            except Exception:  # noqa: BLE001 -- counted
                right.append(False)

    threads = [threading.Thread(target=ask, args=(number, ssh)) for number, ssh in enumerate(made)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(right)


def main():
    user, key, times, lines, *ports = sys.argv[1:]
    pairs = [driver(int(port), user, key) for port in ports]
    made = [ssh for _, ssh in pairs]
    made[0].run("true")
    figures = {"true_ms": commands(made[0], int(times))}
    begin = time.perf_counter()
    stdout, _, _ = made[0].run(f"seq 1 {lines}")
    figures["output_ms"] = (time.perf_counter() - begin) * 1e3
    figures["output_right"] = stdout == [str(n) for n in range(1, int(lines) + 1)]
    figures["threads_right"] = in_threads(made, 50) if len(made) > 1 else None
    for target, ssh in pairs:
        target.deactivate(ssh)
    print(json.dumps(figures))


main()
