"""How long sealing and opening take: `python bench/vault.py`, microseconds a message.

10,000 templates are opened when a gallery is loaded, so opening must stay well under 20 µs.
"""

import os
import time

from vultus.vault.key import MasterKey
from vultus.vault.seal import Vault

N = 10_000


def microseconds(function) -> float:
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for i in range(N):
            function(i)
        best = min(best, time.perf_counter() - start)
    return best / N * 1e6


def main() -> None:
    vault = Vault(MasterKey.generate())
    template = os.urandom(512)  # 128 dimensions of float32
    sealed = [vault.seal("template", f"reference:{i}:template", template) for i in range(N)]

    def opens(i: int) -> None:
        vault.unseal("template", f"reference:{i}:template", sealed[i])

    def seals(i: int) -> None:
        vault.seal("template", f"reference:{i}:template", template)

    print(f"seal 512 bytes    {microseconds(seals):6.2f} µs")
    print(f"unseal 512 bytes  {microseconds(opens):6.2f} µs")
    print(f"blind             {microseconds(lambda i: vault.blind('email', str(i))):6.2f} µs")


if __name__ == "__main__":
    main()
