"""Instructions that numba has no words for: each an intrinsic, made of LLVM's own.

Arguments of type int64 that end up here as addresses come from `array.ctypes.data`.
"""

from collections.abc import Callable
from typing import Any, cast

import llvmlite.binding
import numba as nb
from llvmlite import ir
from numba.core import cgutils, config
from numba.extending import intrinsic as _numba_intrinsic

BLOCK = 32
# As in codes.py:
FACTOR_SCALE = 400
ALONG_FROM = 0.5
LEAST_BESIDE = 100
NEVER_RULED_OUT = 255
_AHEAD = 4096  # bytes: how far before its use a block is asked of memory
_byte, _word, _i32, _i64 = (ir.IntType(n) for n in (8, 16, 32, 64))
_bytes, _words = ir.VectorType(_byte, 32), ir.VectorType(_word, 16)
# numba's own type of an intrinsic still counts the typing context among the arguments.
intrinsic = cast("Callable[[Callable[..., Any]], Callable[..., Any]]", _numba_intrinsic)


def _has_avx2() -> bool:
    """Whether the processor that numba compiles for looks up 32 bytes in one instruction."""
    if config.CPU_NAME or config.CPU_FEATURES:  # set in the environment: not this machine's own
        return "+avx2" in (config.CPU_FEATURES or "")
    return bool(llvmlite.binding.get_host_cpu_features().get("avx2", False))


def _prefetch(builder: Any, pointer: Any) -> None:
    """Ask memory for a line: to read, to be kept near, data."""
    i32, kind = ir.IntType(32), ir.IntType(8).as_pointer()
    prefetch = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.VoidType(), [kind, i32, i32, i32]), "llvm.prefetch.p0"
    )
    builder.call(prefetch, [pointer, *(ir.Constant(i32, n) for n in (0, 3, 1))])


@intrinsic
def sums_of_block(typing: Any, block: Any, table: Any, n_bytes: Any, sums: Any) -> Any:
    """The sums of a block's rows into `sums`: 16 of its even rows, then 16 of its odd rows.

    All but `n_bytes` are addresses. A byte shuffle looks up 32 nibbles at once in a table of 16
    bytes (Andre, Kermarrec and Le Scouarnec, VLDB 2015). The entries of a byte's two nibbles
    fit a byte together. Two rows share a lane of 16 bits: one accumulator takes both (the sum
    of the even row spoilt by 256 times the odd row's), the other the odd row's alone.
    """
    return _sums(1)


@intrinsic
def sums_of_two(typing: Any, block: Any, table: Any, n_bytes: Any, sums: Any) -> Any:
    """The sums of two blocks that follow each other; each entry is loaded once for both."""
    return _sums(2)


def _sums(n_blocks: int) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _emit_sums(builder, n_blocks, *args)
        return context.get_dummy_value()

    return nb.types.void(*[nb.types.intp] * 4), generate


def _emit_sums(
    builder: Any, n_blocks: int, block: Any, table: Any, n_bytes: Any, sums: Any
) -> list[tuple[Any, Any]]:
    """Store the sums of blocks; returns the even and the odd rows' of each, as vectors."""
    if not _has_avx2():
        return _emit_sums_portable(builder, n_blocks, block, table, n_bytes, sums)
    found = _emit_sums_avx2(builder, n_blocks, block, table, n_bytes)
    place = builder.inttoptr(sums, _words.as_pointer())
    for k, pair in enumerate(found):
        for i, vector in enumerate(pair):
            to = builder.gep(place, [ir.Constant(_i64, 2 * k + i)])
            builder.store(vector, to, align=2)
    return found


def _emit_sums_avx2(
    builder: Any, n_blocks: int, block: Any, table: Any, n_bytes: Any
) -> list[tuple[Any, Any]]:
    """The instructions of `sums_of_block` where the processor has AVX2."""

    def at(address: Any, offset: Any, kind: Any) -> Any:
        return builder.bitcast(builder.gep(address, [offset]), kind.as_pointer())

    def twice(vector: Any) -> Any:
        order = ir.Constant(ir.VectorType(_i32, 32), [*range(16), *range(16)])
        return builder.shuffle_vector(vector, vector, order)

    kind = ir.FunctionType(_bytes, [_bytes, _bytes])
    shuffle = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx2.pshuf.b")
    low_bits = ir.Constant(_bytes, [15] * 32)
    four, eight = (ir.Constant(_words, [n] * 16) for n in (4, 8))
    codes = builder.inttoptr(block, _byte.as_pointer())
    entries = builder.inttoptr(table, _byte.as_pointer())
    size = builder.mul(n_bytes, ir.Constant(_i64, BLOCK))
    zero = ir.Constant(_words, [0] * 16)
    totals = [[cgutils.alloca_once_value(builder, zero) for _ in range(2)] for _ in range(n_blocks)]
    with cgutils.for_range(builder, n_bytes) as loop:
        offset = builder.mul(loop.index, ir.Constant(_i64, BLOCK))
        ahead = builder.mul(offset, ir.Constant(_i64, n_blocks))
        ahead = builder.add(ahead, ir.Constant(_i64, _AHEAD))
        _prefetch(builder, builder.gep(codes, [ahead]))
        looked_up = []
        for i in range(2):
            entry = builder.add(offset, ir.Constant(_i64, 16 * i))
            looked_up.append(
                twice(builder.load(at(entries, entry, ir.VectorType(_byte, 16)), align=1))
            )
        for k in range(n_blocks):
            here = builder.add(offset, builder.mul(size, ir.Constant(_i64, k)))
            pair = builder.load(at(codes, here, _bytes), align=1)
            shifted = builder.bitcast(builder.lshr(builder.bitcast(pair, _words), four), _bytes)
            low, high = (
                builder.call(shuffle, [looked_up[i], builder.and_(nibbles, low_bits)])
                for i, nibbles in enumerate((pair, shifted))
            )
            number = builder.bitcast(builder.add(low, high), _words)
            for total, addend in zip(totals[k], (number, builder.lshr(number, eight)), strict=True):
                builder.store(builder.add(builder.load(total), addend), total)
    found = []
    for k in range(n_blocks):
        both, odd = (builder.load(total) for total in totals[k])
        found.append((builder.sub(both, builder.shl(odd, eight)), odd))
    return found


def _emit_sums_portable(
    builder: Any, n_blocks: int, block: Any, table: Any, n_bytes: Any, sums: Any
) -> list[tuple[Any, Any]]:
    """The same for any processor: one look-up after the other."""
    found = []
    size = builder.mul(n_bytes, ir.Constant(_i64, BLOCK))
    entries = builder.inttoptr(table, _byte.as_pointer())
    for k in range(n_blocks):
        start = builder.add(block, builder.mul(size, ir.Constant(_i64, k)))
        codes = builder.inttoptr(start, _byte.as_pointer())
        totals = builder.inttoptr(
            builder.add(sums, ir.Constant(_i64, 2 * BLOCK * k)), _word.as_pointer()
        )
        with cgutils.for_range(builder, ir.Constant(_i64, BLOCK)) as lane:
            builder.store(ir.Constant(_word, 0), builder.gep(totals, [lane.index]), align=2)
        with cgutils.for_range(builder, n_bytes) as loop:
            offset = builder.mul(loop.index, ir.Constant(_i64, BLOCK))
            with cgutils.for_range(builder, ir.Constant(_i64, BLOCK)) as lane:
                pair = builder.load(builder.gep(codes, [builder.add(offset, lane.index)]))
                odd = builder.and_(lane.index, ir.Constant(_i64, 1))
                half = builder.lshr(lane.index, ir.Constant(_i64, 1))
                row = builder.add(half, builder.mul(odd, ir.Constant(_i64, BLOCK // 2)))
                place = builder.gep(totals, [row])
                total = builder.load(place, align=2)
                low = builder.and_(pair, ir.Constant(_byte, 15))
                high = builder.lshr(pair, ir.Constant(_byte, 4))
                for i, nibble in enumerate((low, high)):
                    entry = builder.add(offset, ir.Constant(_i64, 16 * i))
                    entry = builder.add(entry, builder.zext(nibble, _i64))
                    number = builder.load(builder.gep(entries, [entry]))
                    total = builder.add(total, builder.zext(number, _word))
                builder.store(total, place, align=2)
        found.append(_load_sums(builder, builder.ptrtoint(totals, _i64)))
    return found


def _load_sums(builder: Any, sums: Any) -> tuple[Any, Any]:
    place = builder.inttoptr(sums, _words.as_pointer())
    even, odd = (
        builder.load(builder.gep(place, [ir.Constant(_i64, i)]), align=2) for i in range(2)
    )
    return even, odd


@intrinsic
def largest(typing: Any, sums: Any, mask: Any) -> Any:
    """The largest of a block's sums, at this address, whose row's bit in `mask` is set; or 0."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        words = ir.VectorType(_word, BLOCK)
        kind = ir.FunctionType(_word, [words])
        reduced = cgutils.get_or_insert_function(
            builder.module, kind, "llvm.vector.reduce.umax.v32i16"
        )
        numbers = builder.load(builder.inttoptr(args[0], words.as_pointer()), align=2)
        counts = builder.bitcast(args[1], ir.VectorType(ir.IntType(1), BLOCK))
        order = ir.Constant(ir.VectorType(_i32, BLOCK), [*range(0, 32, 2), *range(1, 32, 2)])
        counts = builder.shuffle_vector(counts, counts, order)
        zeros = ir.Constant(words, [0] * BLOCK)
        return builder.call(reduced, [builder.select(counts, numbers, zeros)])

    return nb.types.uint16(nb.types.intp, nb.types.uint32), generate


@intrinsic
def reaching(typing: Any, sums: Any, factors: Any, test: Any) -> Any:
    """Bits of the rows of a block whose sum is enough for their factors; all are addresses.

    test: four uint16, see `bounds.whole_test`. A row with factors f and g needs a sum of
    test[0] + (256 f * test[1] >> 16) - test[2] - (256 g * test[3] >> 16), saturated, where g
    is 100 at least; one whose g is 255 always has enough.
    """
    signature = nb.types.uint32(*[nb.types.intp] * 3)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        sums, factors, test = args
        return _emit_enough(builder, _load_sums(builder, sums), factors, test)

    return signature, generate


@intrinsic
def reaching_of_two(
    typing: Any, block: Any, table: Any, n_bytes: Any, sums: Any, factors: Any, test: Any
) -> Any:
    """`sums_of_two`, and `reaching` of both: the bits of the second block above the first's."""
    signature = nb.types.uint64(*[nb.types.intp] * 6)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        *of_sums, factors, test = args
        bits = []
        for k, found in enumerate(_emit_sums(builder, 2, *of_sums)):
            place = builder.add(factors, ir.Constant(_i64, 2 * BLOCK * k))
            bits.append(builder.zext(_emit_enough(builder, found, place, test), _i64))
        return builder.or_(bits[0], builder.shl(bits[1], ir.Constant(_i64, 32)))

    return signature, generate


def _emit_enough(builder: Any, sums: tuple[Any, Any], factors: Any, test: Any) -> Any:
    """The instructions of `reaching`, of the even and the odd rows' sums."""
    kind = ir.FunctionType(_words, [_words, _words])

    def call(name: str, a: Any, b: Any) -> Any:
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [a, b])

    def number(i: int) -> Any:
        place = builder.gep(builder.inttoptr(test, _word.as_pointer()), [ir.Constant(_i64, i)])
        one = builder.insert_element(
            ir.Constant(_words, ir.Undefined), builder.load(place, align=2), ir.Constant(_i32, 0)
        )
        return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(_i32, 16), [0] * 16))

    def high_half(a: Any, b: Any) -> Any:
        if _has_avx2():
            return call("llvm.x86.avx2.pmulhu.w", a, b)
        wide = ir.VectorType(_i32, 16)
        product = builder.mul(builder.zext(a, wide), builder.zext(b, wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, [16] * 16)), _words)

    def times_256(vector: Any) -> tuple[Any, Any]:
        """The bytes of even rows, and those of odd rows, in the upper halves of words."""
        words = builder.bitcast(vector, _words)
        upper = ir.Constant(_words, [0xFF00] * 16)
        return builder.shl(words, ir.Constant(_words, [8] * 16)), builder.and_(words, upper)

    place = builder.inttoptr(factors, _bytes.as_pointer())
    along, beside = (
        builder.load(builder.gep(place, [ir.Constant(_i64, i)]), align=1) for i in range(2)
    )
    least = ir.Constant(_bytes, [LEAST_BESIDE] * 32)
    wide = builder.select(builder.icmp_unsigned(">", beside, least), beside, least)
    tests, enough = [number(i) for i in range(4)], []
    for total, f, g in zip(sums, times_256(along), times_256(wide), strict=True):
        more = call("llvm.uadd.sat.v16i16", tests[0], high_half(f, tests[1]))
        less = call("llvm.uadd.sat.v16i16", tests[2], high_half(g, tests[3]))
        need = call("llvm.usub.sat.v16i16", more, less)
        enough.append(builder.sext(builder.icmp_unsigned(">=", total, need), _words))
    even, odd = (
        builder.and_(vector, ir.Constant(_words, [half] * 16))
        for vector, half in zip(enough, (0x00FF, 0xFF00), strict=True)
    )
    always = builder.icmp_unsigned("==", beside, ir.Constant(_bytes, [NEVER_RULED_OUT] * 32))
    rows = builder.or_(
        builder.bitcast(builder.or_(even, odd), _bytes), builder.sext(always, _bytes)
    )
    return builder.bitcast(builder.icmp_signed("<", rows, ir.Constant(_bytes, [0] * 32)), _i32)


@intrinsic
def products(typing: Any, row: Any, high: Any, low: Any, n: Any, out: Any) -> Any:
    """Sums of row * high, row * low and row * row over n numbers, n a multiple of 16.

    row: the address of n int8; high and low: of n int16; out: of 3 int64. No lane of 32 bits
    overflows for n up to 4096, since 512 * 127 * 32767 is below 2^31.
    """

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _emit_products(builder, *args)
        return context.get_dummy_value()

    return nb.types.void(*[nb.types.intp] * 5), generate


def _emit_products(builder: Any, row: Any, high: Any, low: Any, n: Any, out: Any) -> None:
    """The instructions of `products`."""
    byte, word, i32, i64 = (ir.IntType(k) for k in (8, 16, 32, 64))
    bytes16, words16 = ir.VectorType(byte, 16), ir.VectorType(word, 16)
    pairs, wide, long = ir.VectorType(i32, 8), ir.VectorType(i32, 16), ir.VectorType(i64, 8)
    lanes = pairs if _has_avx2() else wide

    def multiplied(a: Any, b: Any) -> Any:
        if not _has_avx2():
            return builder.mul(builder.sext(a, wide), builder.sext(b, wide))
        kind = ir.FunctionType(pairs, [words16, words16])
        name = "llvm.x86.avx2.pmadd.wd"  # products of 16 pairs, added two by two
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [a, b])

    def load(address: Any, offset: Any, kind: Any) -> Any:
        pointer = builder.inttoptr(builder.add(address, offset), kind.as_pointer())
        return builder.load(pointer, align=1)

    totals = [
        cgutils.alloca_once_value(builder, ir.Constant(lanes, [0] * lanes.count)) for _ in range(3)
    ]
    with cgutils.for_range(builder, builder.udiv(n, ir.Constant(i64, 16))) as loop:
        offset = builder.mul(loop.index, ir.Constant(i64, 16))
        numbers = builder.sext(load(row, offset, bytes16), words16)
        double = builder.mul(offset, ir.Constant(i64, 2))
        others = (load(high, double, words16), load(low, double, words16), numbers)
        for total, other in zip(totals, others, strict=True):
            product = multiplied(numbers, other)
            builder.store(builder.add(builder.load(total), product), total)
    if not _has_avx2():
        long = ir.VectorType(i64, 16)
    kind = ir.FunctionType(i64, [long])
    name = f"llvm.vector.reduce.add.v{long.count}i64"
    added = cgutils.get_or_insert_function(builder.module, kind, name)
    place = builder.inttoptr(out, i64.as_pointer())
    for k, total in enumerate(totals):
        number = builder.call(added, [builder.sext(builder.load(total), long)])
        builder.store(number, builder.gep(place, [ir.Constant(i64, k)]))


@intrinsic
def sum_where(typing: Any, bits: Any, numbers: Any, n: Any) -> Any:
    """The sum of those of n numbers whose bit is set; n a multiple of 16.

    bits: the address of n / 8 bytes, low bits first; numbers: of n int16.
    """

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _emit_sum_where(builder, *args)

    return nb.types.int64(*[nb.types.intp] * 3), generate


def _emit_sum_where(builder: Any, bits: Any, numbers: Any, n: Any) -> Any:
    """The instructions of `sum_where`."""
    pairs, wide = ir.VectorType(_i32, 8), ir.VectorType(_i32, 16)
    lanes = pairs if _has_avx2() else wide
    total = cgutils.alloca_once_value(builder, ir.Constant(lanes, [0] * lanes.count))
    flags = builder.inttoptr(bits, _word.as_pointer())
    places = builder.inttoptr(numbers, _words.as_pointer())
    with cgutils.for_range(builder, builder.udiv(n, ir.Constant(_i64, 16))) as loop:
        word = builder.load(builder.gep(flags, [loop.index]), align=1)
        chosen = builder.sext(builder.bitcast(word, ir.VectorType(ir.IntType(1), 16)), _words)
        some = builder.and_(builder.load(builder.gep(places, [loop.index]), align=2), chosen)
        if _has_avx2():
            kind = ir.FunctionType(pairs, [_words, _words])
            add = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx2.pmadd.wd")
            some = builder.call(add, [some, ir.Constant(_words, [1] * 16)])
        else:
            some = builder.sext(some, wide)
        builder.store(builder.add(builder.load(total), some), total)
    kind = ir.FunctionType(_i32, [lanes])
    name = f"llvm.vector.reduce.add.v{lanes.count}i32"
    added = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.sext(builder.call(added, [builder.load(total)]), _i64)


@intrinsic
def ask_for(typing: Any, address: Any) -> Any:
    """Ask memory for the line at this address, to be read soon."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _prefetch(builder, builder.inttoptr(args[0], ir.IntType(8).as_pointer()))
        return context.get_dummy_value()

    return nb.types.void(nb.types.intp), generate


@intrinsic
def bit(typing: Any, number: Any) -> Any:
    """The place of the lowest bit that is set."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return nb.types.int64(nb.types.uint64), generate


@intrinsic
def count(typing: Any, number: Any) -> Any:
    """How many bits are set."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return nb.types.int64(nb.types.uint64), generate
