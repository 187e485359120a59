"""Entries of other packages in the tables of this one: cancellers, metrics, loudspeakers, noises, speech sources.

An installed package offers entries by name, in its pyproject.toml:

    [project.entry-points."aecbench.metrics"]
    peak = "my_package.metrics:PEAK"

Anything else that can be imported is named "package.module:Name". Shipped names take precedence and cannot be replaced;
if two packages offer the same name, neither is chosen. Entry points are not looked up for shipped names, and an entry
is imported only when it is used.
"""

import functools
import importlib
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from aecbench.errors import AecbenchError, ConfigError, UnknownName, one_line

__all__ = ["Offer", "Table", "is_outside", "is_reference", "load", "offers"]

T = TypeVar("T")
OURS = "aecbench."  # all groups of entry points that are looked up begin with it
REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class Offer(NamedTuple):
    """An entry that an installed package offers under a name."""

    reference: str  # "package.module:Name"
    package: str  # the distribution and its version, "my-package 1.0"


def offers(group: str) -> Mapping[str, tuple[Offer, ...]]:
    """Return the entries that installed packages offer in a group of entry points, sorted by name."""
    return _all_offers().get(group, {})


@functools.cache
def _all_offers() -> Mapping[str, Mapping[str, tuple[Offer, ...]]]:
    """Return the entries of all groups; reading what is installed takes as long for one group as for all."""
    points = entry_points()
    return {group: _offers(points.select(group=group)) for group in points.groups if group.startswith(OURS)}


def _offers(points: Iterable[EntryPoint]) -> dict[str, tuple[Offer, ...]]:
    entries: dict[str, set[Offer]] = {}
    for point in points:
        package = f"{point.dist.name} {point.dist.version}" if point.dist is not None else "unknown"
        entries.setdefault(point.name, set()).add(Offer(point.value.partition("[")[0].strip(), package))
    return {name: tuple(sorted(entries[name])) for name in sorted(entries)}


def is_reference(name: str) -> bool:
    """Return whether a name has the form "package.module:Name"."""
    return REFERENCE.fullmatch(name) is not None


def is_outside(reference: str) -> bool:
    """Return whether "package.module:Name" belongs to another package than this one."""
    return not reference.startswith(f"{__package__}.")


def load(reference: str, what: str) -> Any:
    """Return the object "package.module:Name"; a module of another package may be in the current folder.

    `what` describes it in messages. Raises ConfigError for any error in the import.
    """
    folder = str(Path.cwd())
    if is_outside(reference) and folder not in sys.path:
        sys.path.append(folder)
    module, _, attribute = reference.partition(":")
    try:
        imported = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigError(f"{what}: cannot import {module!r} ({error}); {_advice(module, attribute)}") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise ConfigError(f"{what}: cannot import {module!r} ({one_line(error)}); mend or remove it") from None
    if not hasattr(imported, attribute):
        raise ConfigError(f"{what}: module {module!r} has no {attribute!r}")
    return getattr(imported, attribute)


def _advice(module: str, attribute: str) -> str:
    """Return what to do about a module that is not found; a path is often given in place of its name."""
    if module.endswith(".py") and "/" not in module:
        return f"write {module.removesuffix('.py')}:{attribute}"
    if "/" in module:
        return "a path names no module: write package.module:Name, of an installed package or a file in this folder"
    return "is it installed?"


@dataclass(frozen=True, eq=False)
class Table(Generic[T]):
    """A table of entries, the shipped ones and those of other packages."""

    noun: str  # name of an entry in messages, such as "metric"
    group: str  # group of entry points, such as "aecbench.metrics"
    shipped: Mapping[str, T]
    types: tuple[type, ...] = ()  # allowed types of an entry; empty: any callable
    reserved: Collection[str] = ()  # names that have another meaning

    def find(self, name: str) -> T:
        """Return the entry with a name, shipped or offered by a package, or the one that "package.module:Name" names.

        Raises UnknownName for an unknown name, ConfigError for an entry that two packages offer, that cannot be
        imported, or that does not have a type of this table.
        """
        if name in self.shipped:
            return self.shipped[name]
        reference = self.reference(name)
        if reference is None:
            raise UnknownName(self.noun, name, [*self.shipped, *self.reserved, *self.offered])
        entry: T = load(reference, self._called(name))
        if not (isinstance(entry, self.types) if self.types else callable(entry)):
            expected = " or ".join(f"{kind.__module__}.{kind.__name__}" for kind in self.types) or "a function"
            raise ConfigError(f"{self._called(name)}: {reference} is a {type(entry).__name__}, expected {expected}")
        return entry

    @property
    def offered(self) -> dict[str, Offer]:
        """The entries of installed packages whose names are not taken."""
        return {name: candidates[0] for name, candidates in offers(self.group).items() if not self.is_taken(name)}

    def is_taken(self, name: str) -> bool:
        """Return whether installed packages cannot use a name because it is shipped, reserved or offered twice."""
        return name in self.shipped or name in self.reserved or len(offers(self.group).get(name, ())) > 1

    def reference(self, name: str) -> str | None:
        """The "package.module:Name" of an entry of another package; None for a name that is shipped or unknown.

        Raises ConfigError for a name that two packages offer.
        """
        if name in self.shipped or name in self.reserved:
            return None
        if is_reference(name):
            return name
        candidates = offers(self.group).get(name, ())
        if len(candidates) > 1:
            packages = " and ".join(offer.package for offer in candidates)
            references = " or ".join(offer.reference for offer in candidates)
            raise ConfigError(f"{self.noun} {name!r} is offered by {packages}; say which one: {references}")
        return candidates[0].reference if candidates else None

    def package(self, name: str) -> str:
        """Return the origin of an entry: "aecbench", "my-package 1.0", or a module."""
        if name in self.shipped or name in self.reserved:
            return "aecbench"
        if is_reference(name):
            return name.partition(":")[0].partition(".")[0]
        return self.offered[name].package

    @contextmanager
    def blamed(self, name: str) -> Iterator[None]:
        """Turn an error in the code of another package into AecbenchError that names the package."""
        try:
            yield
        except (AecbenchError, KeyboardInterrupt):
            raise
        except BaseException as error:
            if name in self.shipped:
                raise
            raise AecbenchError(f"{self._called(name)} failed ({one_line(error)}); tell its authors") from error

    def _called(self, name: str) -> str:
        return f"{self.noun} {name!r}" if is_reference(name) else f"{self.noun} {name!r} of {self.package(name)}"
