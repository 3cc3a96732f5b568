"""Which ports a phase has for itself: one of 500 blocks of twenty, below what systems give out by themselves."""

import hashlib
from collections.abc import Collection
from typing import Final

PORTS: Final = 20
"""How many ports a phase has, from BATTY_PORT_BASE on."""
FIRST: Final = 21000
BLOCKS: Final = 500
"""The last block ends below 32768, from where on Linux takes ports for outgoing connections."""


def wish(owner: str) -> int:
    """Return the number of the block that an owner tries first: the same one at any time, on any machine."""
    digest = hashlib.sha256(owner.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % BLOCKS


def order(owner: str) -> tuple[int, ...]:
    """Return all blocks in the order in which an owner tries them."""
    first = wish(owner)
    return tuple((first + step) % BLOCKS for step in range(BLOCKS))


def choose(owner: str, claims: Collection[int], heard: Collection[int]) -> int:
    """Return the number of the block that an owner gets.

    `claims` are the blocks of phases that may be at work, of all repositories; `heard` are ports on which something
    listens. Where no block is free of both, one that nobody claims is taken, and where there is none, the first.
    """
    blocks = order(owner)
    unclaimed = [block for block in blocks if block not in claims]
    busy = {(port - FIRST) // PORTS for port in heard}
    return next((block for block in unclaimed if block not in busy), (*unclaimed, blocks[0])[0])


def base_of(block: int) -> int:
    """Return the first port of a block."""
    return FIRST + PORTS * block


def block_of(base: int) -> int:
    return (base - FIRST) // PORTS


def of(base: int) -> range:
    """Return the ports of a phase whose first one is this."""
    return range(base, base + PORTS)
