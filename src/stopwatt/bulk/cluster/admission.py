"""What an outpost is asked, and then told, before it gets images: only nodes that compute the same take part."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stopwatt.bulk.asked import Asked
from stopwatt.bulk.cluster.code import SAME_CODE, code_digest
from stopwatt.bulk.cluster.member import Member
from stopwatt.bulk.cluster.samples import samples_of
from stopwatt.bulk.cluster.words import Order, Question, Seen, Task
from stopwatt.bulk.keeping.identity import Chosen
from stopwatt.bulk.pipeline.groups import Refused
from stopwatt.errors import ExitCode
from stopwatt.images.items import Items

if TYPE_CHECKING:
    from stopwatt.bulk.cluster.joined import Joined


class Admission:
    """To one run.

    Args:
        asked: The request.
        items: All images.
        chosen: The model.
        left: Images that are not done.
        cluster: Joined.
    """

    def __init__(self, asked: Asked, items: Items, chosen: Chosen, left: int, cluster: "Joined") -> None:
        self._asked = asked
        self._items = items
        self._chosen = chosen
        self._left = left
        self._cluster = cluster
        self._code = code_digest()
        self._samples = samples_of(items)
        self._shared: dict[str, Any] = {}

    def go_on(self, member: Member, answer: str | Seen | None) -> Refused | None:
        """Say the next thing to an outpost, by what it answered to the last.

        Args:
            member: Which was asked for its code, and has answered.
            answer: Its code; then that it sees the files; then that it loads the model.

        Returns:
            Why it cannot take part; `None` where it was told something.
        """
        if isinstance(answer, str):
            return self._ask_for_files(member, answer)
        if isinstance(answer, Seen):
            self._begin(member, answer)
        else:
            member.ask("exchange", Order())
        return None

    def _ask_for_files(self, member: Member, code: str) -> Refused | None:
        if code != self._code:
            return Refused("a node has another stopwatt than the driver", "", SAME_CODE, ExitCode.ENVIRONMENT)
        pack = self._chosen.load.pack
        seal = self._chosen.identity.removeprefix("pack ")
        member.ask("look", Question(str(Path.cwd()), self._samples, pack, seal))
        return None

    def _begin(self, member: Member, seen: Seen) -> None:
        chosen = self._chosen
        task = Task(self._asked, chosen.identity, chosen.software, chosen.load, member.layout, self._left)
        pack = None if seen.pack else self._once("pack", Path(chosen.load.pack).read_bytes)
        member.ask("begin", task, self._once("items", lambda: self._items), pack)

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        """A large thing, which goes to each node once."""
        if name not in self._shared:
            self._shared[name] = self._cluster.share(make())
        return self._shared[name]
