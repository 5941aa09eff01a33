"""What labgrid takes to put a file; runs in labgrid's own Python and prints seconds.

``python theirs.py USER KEY PORT FILE PLACE``
"""

# ruff: noqa: ANN201 -- labgrid has no types
import sys
import time

from labgrid import Target
from labgrid.driver import SSHDriver
from labgrid.resource import NetworkService


def main():
    user, key, port, file, place = sys.argv[1:]
    target = Target("board")
    NetworkService(target, "network", address="127.0.0.1", username=user, port=int(port))
    driver = SSHDriver(target, "ssh", keyfile=key)
    target.activate(driver)
    driver.run("true")
    begin = time.perf_counter()
    driver.put(file, place)
    print(time.perf_counter() - begin)
    target.deactivate(driver)


main()
