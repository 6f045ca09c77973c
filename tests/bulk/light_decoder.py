"""A decoder that dies of some images, and never ends with others: the environment names their numbers."""

import os
import signal

from stopwatt.bulk.pipeline import decoder


class Dying(decoder.Decoder):
    def decode(self, order):
        if str(order.number) in os.environ.get("LIGHT_KILLERS", "").split(","):
            os.kill(os.getpid(), signal.SIGSEGV)
        if str(order.number) in os.environ.get("LIGHT_HANGERS", "").split(","):
            signal.pause()
        return super().decode(order)


if __name__ == "__main__":
    decoder.Decoder = Dying
    decoder.main()
