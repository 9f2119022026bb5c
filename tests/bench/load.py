"""Virtual users, each with a connection of its own, reset after reset: `python -m tests.bench.load`.

One line of JSON in says whom to load; a line `ready` goes out, any line in starts, one line of JSON comes out. The
connections to the database stay open until the next line in, so that what they cost can be told apart.
"""

import ipaddress
import itertools
import json
import sys
import threading
import time
from typing import Any

from tests.bench.browser import Browser
from tests.bench.journeys import SIDES, ContribAuth, Rekey
from tests.bench.people import number_of

FIRST_ADDRESS = int(ipaddress.IPv4Address("10.0.0.1"))


class Load:
    """`plan`: side, port, host, users, clients, seconds or journeys, first (number of the first journey), place, pace.

    `pace` is how many seconds a client leaves between the beginnings of its journeys, none beginning with another; 0:
    none waits.
    """

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.journeys = itertools.count(plan["first"])
        self.last = plan["first"] + plan["journeys"] if plan["journeys"] else None
        self.begin = threading.Event()
        self.until = 0.0
        self.pages: list[tuple[str, float]] = []
        self.resets: list[float] = []
        self.errors: list[str] = []
        self.done: list[Rekey | ContribAuth] = []

    def client(self, number_of_client: int) -> None:
        browser = Browser(self.plan["port"], self.plan["host"], self.plan["side"] == "rekey")
        journey = SIDES[self.plan["side"]](self.plan["place"])
        self.begin.wait()
        time.sleep(self.plan["pace"] * number_of_client / self.plan["clients"])
        try:
            while time.perf_counter() < self.until and not self.errors:
                number = next(self.journeys)
                if self.last is not None and number >= self.last:
                    break
                started = time.perf_counter()
                browser.begin(str(ipaddress.IPv4Address(FIRST_ADDRESS + number)))
                journey(browser, number_of(number, self.plan["users"]))
                self.resets.append(time.perf_counter() - started)
                time.sleep(max(0.0, started + self.plan["pace"] - time.perf_counter()))
        except Exception as error:  # told to whoever started the load
            self.errors.append(f"{type(error).__name__}: {error}")
        self.pages += browser.pages
        self.done.append(journey)

    def run(self) -> dict[str, Any]:
        clients = [
            threading.Thread(target=self.client, args=[each], daemon=True) for each in range(self.plan["clients"])
        ]
        for client in clients:
            client.start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        started = time.perf_counter()
        self.until = started + self.plan["seconds"]
        self.begin.set()
        for client in clients:
            client.join()
        seconds = time.perf_counter() - started
        return {
            "seconds": seconds,
            "processor": time.process_time(),
            "resets": self.resets,
            "pages": self.pages,
            "errors": self.errors,
        }


def main(kind: type[Load] = Load) -> None:
    load = kind(json.loads(sys.stdin.readline()))
    sys.stdout.write(json.dumps(load.run()) + "\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for journey in load.done:
        journey.close()


if __name__ == "__main__":
    main()
