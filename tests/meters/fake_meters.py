"""Meters with one fault each, as a package of somebody else could bring them."""

import os
import time

from stopwatt.energy import About, Scope
from stopwatt.meters.base import Gone


class One:
    """An instrument that counts a joule a reading; each argument replaces what it does."""

    def __init__(self, name="fake-0", count=None, state=None, scope=Scope.GPU):
        self.about = About(name, scope, "fake")
        self.closed = False
        self.followed = []
        self._count, self._state, self._joules = count, state, 0.0

    def count(self):
        self._joules += 1
        return self._count() if self._count else self._joules

    def state(self):
        return self._state() if self._state else {"power": 1.0}

    def follow(self, pid):
        self.followed.append(pid)

    def close(self):
        self.closed = True


class Fake:
    name = "fake"
    scopes = (Scope.GPU,)
    verified = False

    def find(self, device=""):
        return (One(),)


class HangsAtOpening(Fake):
    takes_argument = True

    def __init__(self, argument=""):
        pass

    def find(self, device=""):
        time.sleep(600)
        return ()


class DiesAtOpening(Fake):
    def find(self, device=""):
        os.abort()


class RaisesAtOpening(Fake):
    def find(self, device=""):
        raise RuntimeError("no\nluck")


class Vanishing(Fake):
    def find(self, device=""):
        begin = time.monotonic()

        def state():
            if time.monotonic() - begin > 0.3:
                raise Gone("it was unplugged")
            return {"power": 1.0}

        return (One(state=state),)


class Stuck(Fake):
    def find(self, device=""):
        return (One(count=lambda: 0.0),)


class HangsLater(Fake):
    def find(self, device=""):
        begin = time.monotonic()

        def state():
            if time.monotonic() - begin > 0.5:
                time.sleep(600)
            return {"power": 1.0}

        return (One(state=state),)
