"""On which file system does a path lie? Reading and deciding are two functions; the deciding one is pure."""

import os
import re
from pathlib import Path

# File systems whose files several machines can open. SQLite's write-ahead log shares memory between the processes
# that use a database (sqlite.org/wal.html): that works on one machine only, and fails by silent corruption.
_NETWORK = frozenset({
    "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "drvfs", "gfs", "gfs2", "gpfs", "lustre",
    "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "smb2", "smb3", "smbfs", "vboxsf", "vmhgfs",
    "wekafs",
})  # fmt: skip
_NETWORK_FUSE = frozenset({
    "ceph", "curlftpfs", "davfs2", "gcsfuse", "glusterfs", "goofys", "juicefs", "mfs", "rclone", "s3fs", "sshfs",
    "vmhgfs-fuse",
})  # fmt: skip


def network_file_system(path: str, mountinfo: str) -> str | None:
    """The network file system that holds a path, as `nfs4 at /home`; `None` for a local one.

    Args:
        path: Absolute, without symbolic links.
        mountinfo: Text of `/proc/self/mountinfo` (proc(5)): mount point in the fifth field, type after ` - `.
    """
    best, kind = "", ""
    for line in mountinfo.splitlines():
        left, separator, right = line.partition(" - ")
        fields = left.split(" ")
        if not separator or len(fields) < 5 or not right:  # noqa: PLR2004  (the fifth field)
            continue
        point = _decoded(fields[4])
        # At equal length the later mount lies on top of the earlier one.
        if _holds(point, path) and len(point) >= len(best):
            best, kind = point, right.split(" ")[0]
    return f"{kind} at {best}" if _is_network(kind) else None


def network_file_system_of(path: Path) -> str | None:
    """The same, of a path on this machine that need not exist yet."""
    try:
        mountinfo = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    return network_file_system(os.path.realpath(path), mountinfo)


def _is_network(kind: str) -> bool:
    return kind in _NETWORK or kind.removeprefix("fuse.") in _NETWORK_FUSE


def _holds(point: str, path: str) -> bool:
    return point in {"/", path} or path.startswith(point + "/")


def _decoded(field: str) -> str:
    """Spaces, tabs, newlines and backslashes stand as octal escapes."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
