"""A decoder that dies of the images whose numbers the environment names."""

import os
import signal

from stopwatt.bulk import decoder


class Dying(decoder.Decoder):
    def decode(self, order):
        if str(order.number) in os.environ["LIGHT_KILLERS"].split(","):
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().decode(order)


if __name__ == "__main__":
    decoder.Decoder = Dying
    decoder.main()
