"""The engine's random streams (packages/engine/src/random.ts), a second time: xoshiro128**, seeded by splitmix32 of FNV-1a."""

MASK = 0xFFFFFFFF


def stream(seed, purpose, position=0):
    """Yields unsigned integers of 32 bits."""
    h = 0x811C9DC5
    for character in f"{seed}/{purpose}/{position}":
        h = ((h ^ ord(character)) * 0x01000193) & MASK

    def splitmix():
        nonlocal h
        h = (h + 0x9E3779B9) & MASK
        z = h
        for multiplier in (0x21F0AAAD, 0x735A2D97):
            z = ((z ^ (z >> (16 if multiplier == 0x21F0AAAD else 15))) * multiplier) & MASK
        return z ^ (z >> 15)

    a, b, c, d = splitmix(), splitmix(), splitmix(), splitmix() | 1
    while True:
        scrambled = (b * 5) & MASK
        scrambled = ((scrambled << 7) | (scrambled >> 25)) & MASK
        yield (scrambled * 9) & MASK
        t = (b << 9) & MASK
        c ^= a
        d ^= b
        b ^= c
        a ^= d
        c ^= t
        d = ((d << 11) | (d >> 21)) & MASK


def dropout_bits(size, rate, seed, step, index=0):
    """Byte i of the stream keeps element i if it is below 256 (1 - rate)."""
    threshold = round((1 - rate) * 256)
    words = stream(seed, f"dropout/mask.{index}", step)
    data = b"".join(next(words).to_bytes(4, "little") for _ in range(-(-size // 4)))
    return [int(byte < threshold) for byte in data[:size]]
