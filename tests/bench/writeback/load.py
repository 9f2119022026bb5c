"""Virtual users whose passwords a directory keeps: `python -m tests.bench.writeback.load`, as `tests.bench.load`.

The plan says besides: `domain`, `people` (how many there are) and `proved` (so many prove who they are before the
measurement, and only send their new passwords in it; 0: everybody does all of it).
"""

import ipaddress
import threading
import time
from typing import Any

from tests.bench.browser import Browser, Page
from tests.bench.load import FIRST_ADDRESS, Load, main
from tests.bench.writeback.journeys import WrittenBack

PROVING = 8


class DirectoryLoad(Load):
    def __init__(self, plan: dict[str, Any]) -> None:
        super().__init__(plan)
        self.proved: list[tuple[str, dict[str, str], Page]] = []
        threads = [threading.Thread(target=self.prove, args=[each]) for each in range(PROVING if plan["proved"] else 0)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.last = None if plan["proved"] else self.last

    def browser(self) -> Browser:
        return Browser(self.plan["port"], self.plan["host"], is_secure=True)

    def prove(self, number_of_client: int) -> None:
        browser, journey = self.browser(), WrittenBack(self.plan["place"], self.plan["domain"])
        try:
            for number in range(number_of_client, self.plan["proved"], PROVING):
                address = address_of(self.plan["first"] + number)
                browser.begin(address)
                page = journey.prove_number(browser, (self.plan["first"] + number) % self.plan["people"])
                self.proved.append((address, browser.cookies, page))
        except Exception as error:  # told to whoever started the load
            self.errors.append(f"{type(error).__name__}: {error}")
        journey.close()

    def client(self, number_of_client: int) -> None:
        browser, journey = self.browser(), WrittenBack(self.plan["place"], self.plan["domain"])
        self.begin.wait()
        time.sleep(self.plan["pace"] * number_of_client / self.plan["clients"])
        try:
            while time.perf_counter() < self.until and not self.errors:
                started = time.perf_counter()
                if not (self.submit(browser, journey) if self.plan["proved"] else self.reset(browser, journey)):
                    break
                self.resets.append(time.perf_counter() - started)
                time.sleep(max(0.0, started + self.plan["pace"] - time.perf_counter()))
        except Exception as error:  # told to whoever started the load
            self.errors.append(f"{type(error).__name__}: {error}")
        self.pages += browser.pages
        self.done.append(journey)

    def reset(self, browser: Browser, journey: WrittenBack) -> bool:
        number = next(self.journeys)
        if self.last is not None and number >= self.last:
            return False
        browser.begin(address_of(number))
        journey(browser, number % self.plan["people"])
        return True

    def submit(self, browser: Browser, journey: WrittenBack) -> bool:
        try:
            address, cookies, page = self.proved.pop()
        except IndexError:
            return False
        browser.begin(address, cookies)
        journey.submit(browser, page)
        return True


def address_of(number: int) -> str:
    return str(ipaddress.IPv4Address(FIRST_ADDRESS + number))


if __name__ == "__main__":
    main(DirectoryLoad)
