"""A pack as a file: a zip archive, stored, sealed; written whole or not at all, and read with distrust."""

import hashlib
import json
import shutil
import stat
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO

from pydantic import ValidationError

from stopwatt import wire
from stopwatt.errors import EnvironmentUnfit, UnsafeFile, UsageError, WorkloadError
from stopwatt.packing import seal
from stopwatt.packing.manifest import FORMAT, File, Manifest
from stopwatt.store.atomic import replacing
from stopwatt.sweeping import cache
from stopwatt.text import one_line

SUFFIX = ".swpack"
MANIFEST = "manifest.json"
_MANIFEST_BYTES = 16 * 2**20
_MOST_FILES = 10_000
_CHUNK = 1 << 20
_PLAIN = (0, stat.S_IFREG)
_AGAIN = "copy the file again, or pack the model again"


def files_in(folder: Path) -> dict[str, File]:
    """Every file below a folder, by its path there: size and SHA-256."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _described(path) for path in paths}


def write(path: Path, manifest: Manifest, folder: Path, *, overwrite: bool) -> None:
    """Write a pack; it appears under its name only when it is complete and on the disk.

    Args:
        path: Of the pack.
        manifest: Describes it; its `files` are those of the folder.
        folder: Holds the files.
        overwrite: Whether a file of that name may be replaced.

    Raises:
        UsageError: The name is taken, is a folder, or lies in no folder.
        StoreError: The disk is full, or refuses; nothing is left behind.
    """
    with replacing(path, overwrite=overwrite) as file:
        sealing = seal.Sealing(file)
        with zipfile.ZipFile(sealing, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]  # it never closes
            archive.comment = seal.PLACE
            archive.writestr(_entry(MANIFEST), json.dumps(wire.to_document(manifest), indent=1))
            for name in manifest.files:
                entry = _entry(name)
                entry.file_size = manifest.files[name].size  # decides whether it needs the format for large files
                with (folder / name).open("rb") as source, archive.open(entry, "w") as target:
                    shutil.copyfileobj(source, target, _CHUNK)
        sealing.seal()


def read(path: Path) -> tuple[Manifest, Path, str]:
    """Check a pack and lay its files out in the cache, where they are checked once more.

    Returns:
        The manifest, the folder of the files, and the seal, which identifies the pack.

    Raises:
        UsageError: There is no such file.
        WorkloadError: It is no pack, or damaged.
        UnsafeFile: It reaches outside its folder.
        EnvironmentUnfit: It was made by a newer stopwatt, or the cache cannot be used.
    """
    with _open(path) as file:
        size = path.stat().st_size
        why = seal.broken(file, size)
        if why:
            raise damaged(path, why)
        file.seek(size - seal.DIGITS)
        identity = file.read().decode()
        try:
            with zipfile.ZipFile(file) as archive:
                entries = _checked(archive.infolist(), path, size)
                manifest = _manifest(archive, entries, path)
                return manifest, _laid_out(archive, manifest, identity, path), identity
        except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
            raise damaged(path, str(error)) from error


def damaged(path: Path, why: str) -> WorkloadError:
    """The error for a pack that is not what was written."""
    return WorkloadError(f"the pack is damaged: {why}", when=str(path), now=_AGAIN)


def _described(path: Path) -> File:
    with path.open("rb") as file:
        return File(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def _entry(name: str) -> zipfile.ZipInfo:
    """Equal packs are equal byte for byte: no time, no rights of their own."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    return entry


def _open(path: Path) -> BinaryIO:
    try:
        if path.is_file():
            return path.open("rb")
    except OSError as error:
        raise UsageError(
            f"the pack cannot be read: {error.strerror}", when=str(path), now="check the path and its rights"
        ) from error
    raise UsageError("there is no such pack", when=str(path), now="check the path; `stopwatt pack` makes one")


def _checked(entries: list[zipfile.ZipInfo], path: Path, size: int) -> Mapping[str, zipfile.ZipInfo]:
    """The members by name: plain files, inside, each once, and together no larger than the archive."""
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        why = _objection(entry, found)
        if why:
            raise UnsafeFile(f"the pack holds {entry.filename[:80]!r}, which {why}", when=str(path), now=_AGAIN)
        found[entry.filename] = entry
    if len(found) > _MOST_FILES or sum(entry.file_size for entry in entries) > size:
        raise UnsafeFile("the pack claims more than it holds", when=str(path), now=_AGAIN)
    if not entries or entries[0].filename != MANIFEST or entries[0].file_size > _MANIFEST_BYTES:
        raise WorkloadError(f"the file is no pack: it does not begin with {MANIFEST}", when=str(path), now=_AGAIN)
    return found


def _objection(entry: zipfile.ZipInfo, before: Mapping[str, zipfile.ZipInfo]) -> str:
    name = entry.filename
    parts = PurePosixPath(name).parts
    if name in before:
        return "is there twice"
    if not name or "\\" in name or "\0" in name or name.startswith("/") or name != "/".join(parts):
        return "is no plain name"
    if ".." in parts or ":" in parts[0]:
        return "leads out of its folder"
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size or entry.flag_bits & 1:
        return "is not stored as it is"
    return "" if stat.S_IFMT(entry.external_attr >> 16) in _PLAIN else "is not a plain file"


def _manifest(archive: zipfile.ZipFile, entries: Mapping[str, zipfile.ZipInfo], path: Path) -> Manifest:
    text = archive.read(MANIFEST)
    try:
        document = json.loads(text)
        newer = document["format"] > FORMAT
        manifest = None if newer else wire.from_document(Manifest, document)
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise damaged(path, f"its manifest cannot be read: {_reason(error)}") from error
    if manifest is None:
        raise EnvironmentUnfit(
            f"the pack has format {document['format']}; this stopwatt reads up to {FORMAT}",
            when=f"{path}, made by stopwatt {document.get('tool_version', 'of a later version')}",
            now="pip install --upgrade stopwatt, or pack the model again with this version",
        )
    sizes = {name: entry.file_size for name, entry in entries.items() if name != MANIFEST}
    if sizes != {name: file.size for name, file in manifest.files.items()}:
        raise damaged(path, "its files are not those that its manifest names")
    return manifest


def _reason(error: Exception) -> str:
    """`contract.task: Input should be ...`."""
    if not isinstance(error, ValidationError):
        return one_line(str(error))
    first = error.errors()[0]
    return one_line(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


def _laid_out(archive: zipfile.ZipFile, manifest: Manifest, identity: str, path: Path) -> Path:
    folder = cache.root() / "packs" / identity[:32]
    if folder.exists():
        if files_in(folder) == manifest.files:
            cache.touch(folder)
            return folder
        shutil.rmtree(folder)
    with cache.draft_of(folder) as draft:
        for name, file in manifest.files.items():
            _extract(archive, name, file, draft, path)
        cache.publish(draft, folder)
    cache.touch(folder)
    cache.prune()
    return folder


def _extract(archive: zipfile.ZipFile, name: str, file: File, folder: Path, path: Path) -> None:
    target = folder / name
    total = hashlib.sha256()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(name) as source, target.open("xb") as output:
            for chunk in _chunks(source):
                total.update(chunk)
                output.write(chunk)
    except OSError as error:
        raise EnvironmentUnfit(
            f"the pack cannot be laid out in the cache: {error.strerror}",
            when=str(target),
            now="free space, or set STOPWATT_CACHE to a folder of your own",
        ) from error
    if total.hexdigest() != file.sha256:
        raise damaged(path, f"{name} is not what was packed")


def _chunks(source: IO[bytes]) -> Iterator[Any]:
    while chunk := source.read(_CHUNK):
        yield chunk
