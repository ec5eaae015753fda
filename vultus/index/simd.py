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
_AHEAD = 4096  # bytes: how far before its use a block is asked of memory
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
    """The sums of a block's 32 rows into `sums`. All but `n_bytes` are addresses.

    A byte shuffle looks up 32 nibbles at once in a table of 16 bytes (Andre, Kermarrec and Le
    Scouarnec, VLDB 2015). Two rows share a 16-bit lane: one accumulator takes both (the sum
    of the even row spoilt by 256 times the odd row's), the other the odd row's alone.
    """
    return _sums(1)


@intrinsic
def sums_of_two(typing: Any, block: Any, table: Any, n_bytes: Any, sums: Any) -> Any:
    """The sums of two blocks that follow each other; each entry is loaded once for both."""
    return _sums(2)


def _sums(n_blocks: int) -> Any:
    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        emit = _emit_sums if _has_avx2() else _emit_sums_portable
        emit(builder, n_blocks, *args)
        return context.get_dummy_value()

    return nb.types.void(*[nb.types.intp] * 4), generate


def _emit_sums(
    builder: Any, n_blocks: int, block: Any, table: Any, n_bytes: Any, sums: Any
) -> None:
    """The instructions of `sums_of_block` where the processor has AVX2."""
    byte, word, i32, i64 = (ir.IntType(n) for n in (8, 16, 32, 64))
    bytes32, words16 = ir.VectorType(byte, 32), ir.VectorType(word, 16)

    def external(name: str, result: Any, *parameters: Any) -> Any:
        kind = ir.FunctionType(result, parameters)
        return cgutils.get_or_insert_function(builder.module, kind, name)

    def at(address: Any, offset: Any, kind: Any) -> Any:
        return builder.bitcast(builder.gep(address, [offset]), kind.as_pointer())

    def twice(vector: Any) -> Any:
        order = ir.Constant(ir.VectorType(i32, 32), [*range(16), *range(16)])
        return builder.shuffle_vector(vector, vector, order)

    shuffle = external("llvm.x86.avx2.pshuf.b", bytes32, bytes32, bytes32)
    low_bits = ir.Constant(bytes32, [15] * 32)
    four, eight = (ir.Constant(words16, [n] * 16) for n in (4, 8))
    codes = builder.inttoptr(block, byte.as_pointer())
    entries = builder.inttoptr(table, byte.as_pointer())
    size = builder.mul(n_bytes, ir.Constant(i64, BLOCK))
    # For each block two pairs of accumulators, one a nibble, so that no addition waits.
    zero = ir.Constant(words16, [0] * 16)
    totals = [[cgutils.alloca_once_value(builder, zero) for _ in range(4)] for _ in range(n_blocks)]
    with cgutils.for_range(builder, n_bytes) as loop:
        offset = builder.mul(loop.index, ir.Constant(i64, BLOCK))
        ahead = builder.mul(offset, ir.Constant(i64, n_blocks))
        ahead = builder.add(ahead, ir.Constant(i64, _AHEAD))
        _prefetch(builder, builder.gep(codes, [ahead]))
        looked_up = []
        for i in range(2):
            entry = builder.add(offset, ir.Constant(i64, 16 * i))
            looked_up.append(
                twice(builder.load(at(entries, entry, ir.VectorType(byte, 16)), align=1))
            )
        for k in range(n_blocks):
            here = builder.add(offset, builder.mul(size, ir.Constant(i64, k)))
            pair = builder.load(at(codes, here, bytes32), align=1)
            shifted = builder.bitcast(builder.lshr(builder.bitcast(pair, words16), four), bytes32)
            for i, nibbles in enumerate((pair, shifted)):
                number = builder.call(shuffle, [looked_up[i], builder.and_(nibbles, low_bits)])
                number = builder.bitcast(number, words16)
                for total, addend in (
                    (totals[k][2 * i], number),
                    (totals[k][2 * i + 1], builder.lshr(number, eight)),
                ):
                    builder.store(builder.add(builder.load(total), addend), total)
    place = builder.inttoptr(sums, words16.as_pointer())
    for k in range(n_blocks):
        low, low_odd, high, high_odd = (builder.load(total) for total in totals[k])
        odd = builder.add(low_odd, high_odd)
        even = builder.sub(builder.add(low, high), builder.shl(odd, eight))
        for half in range(2):
            lanes = [lane for i in range(8 * half, 8 * half + 8) for lane in (i, 16 + i)]
            mixed = builder.shuffle_vector(even, odd, ir.Constant(ir.VectorType(i32, 16), lanes))
            builder.store(mixed, builder.gep(place, [ir.Constant(i64, 2 * k + half)]), align=2)


def _emit_sums_portable(
    builder: Any, n_blocks: int, block: Any, table: Any, n_bytes: Any, sums: Any
) -> None:
    """The same for any processor: one look-up after the other."""
    byte, word, i64 = ir.IntType(8), ir.IntType(16), ir.IntType(64)
    if n_blocks == 2:
        size = builder.mul(n_bytes, ir.Constant(i64, BLOCK))
        second = builder.add(block, size), table, n_bytes, builder.add(sums, ir.Constant(i64, 64))
        _emit_sums_portable(builder, 1, *second)
    codes, entries = (builder.inttoptr(a, byte.as_pointer()) for a in (block, table))
    totals = builder.inttoptr(sums, word.as_pointer())
    with cgutils.for_range(builder, ir.Constant(i64, BLOCK)) as lane:
        builder.store(ir.Constant(word, 0), builder.gep(totals, [lane.index]), align=2)
    with cgutils.for_range(builder, n_bytes) as loop:
        offset = builder.mul(loop.index, ir.Constant(i64, BLOCK))
        with cgutils.for_range(builder, ir.Constant(i64, BLOCK)) as lane:
            pair = builder.load(builder.gep(codes, [builder.add(offset, lane.index)]))
            place = builder.gep(totals, [lane.index])
            total = builder.load(place, align=2)
            low = builder.and_(pair, ir.Constant(byte, 15))
            high = builder.lshr(pair, ir.Constant(byte, 4))
            for i, nibble in enumerate((low, high)):
                entry = builder.add(offset, ir.Constant(i64, 16 * i))
                entry = builder.add(entry, builder.zext(nibble, i64))
                number = builder.load(builder.gep(entries, [entry]))
                total = builder.add(total, builder.zext(number, word))
            builder.store(total, place, align=2)


@intrinsic
def largest(typing: Any, sums: Any, mask: Any) -> Any:
    """The largest of a block's sums, at this address, whose bit in `mask` is set; 0 for none."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        words = ir.VectorType(ir.IntType(16), BLOCK)
        kind = ir.FunctionType(ir.IntType(16), [words])
        reduced = cgutils.get_or_insert_function(
            builder.module, kind, "llvm.vector.reduce.umax.v32i16"
        )
        numbers = builder.load(builder.inttoptr(args[0], words.as_pointer()), align=2)
        counts = builder.bitcast(args[1], ir.VectorType(ir.IntType(1), BLOCK))
        zeros = ir.Constant(words, [0] * BLOCK)
        return builder.call(reduced, [builder.select(counts, numbers, zeros)])

    return nb.types.uint16(nb.types.intp, nb.types.uint32), generate


@intrinsic
def reaching(typing: Any, sums: Any, factors: Any, test: Any) -> Any:
    """Bits of the rows of a block whose sum is enough for their factors; all are addresses.

    test: four uint16, see `scan.whole_test`. A row with factors f and g needs a sum of
    test[0] + (256 f * test[1] >> 16) - test[2] - (256 g * test[3] >> 16), saturated; one whose
    g is 255 always has enough.
    """
    signature = nb.types.uint32(*[nb.types.intp] * 3)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _emit_reaching(builder, *args)

    return signature, generate


def _emit_reaching(builder: Any, sums: Any, factors: Any, test: Any) -> Any:
    """The instructions of `reaching`."""
    byte, word, i32, i64 = (ir.IntType(n) for n in (8, 16, 32, 64))
    bytes_, words, wide = (ir.VectorType(kind, BLOCK) for kind in (byte, word, i32))

    def saturating(name: str, a: Any, b: Any) -> Any:
        kind = ir.FunctionType(words, [words, words])
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.sat.v32i16")
        return builder.call(function, [a, b])

    def number(i: int) -> Any:
        place = builder.gep(builder.inttoptr(test, word.as_pointer()), [ir.Constant(i64, i)])
        one = builder.insert_element(
            ir.Constant(words, ir.Undefined), builder.load(place, align=2), ir.Constant(i32, 0)
        )
        return builder.shuffle_vector(one, one, ir.Constant(wide, [0] * BLOCK))

    def high_half(a: Any, b: Any) -> Any:
        product = builder.mul(builder.zext(a, wide), builder.zext(b, wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, [16] * BLOCK)), words)

    place = builder.inttoptr(factors, bytes_.as_pointer())
    along, beside = (
        builder.load(builder.gep(place, [ir.Constant(i64, i)]), align=1) for i in range(2)
    )
    eight = ir.Constant(words, [8] * BLOCK)
    f, g = (builder.shl(builder.zext(part, words), eight) for part in (along, beside))
    more = saturating("uadd", number(0), high_half(f, number(1)))
    less = saturating("uadd", number(2), high_half(g, number(3)))
    numbers = builder.load(builder.inttoptr(sums, words.as_pointer()), align=2)
    enough = builder.icmp_unsigned(">=", numbers, saturating("usub", more, less))
    always = builder.icmp_unsigned("==", beside, ir.Constant(bytes_, [255] * BLOCK))
    return builder.bitcast(builder.or_(enough, always), i32)


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
        return builder.zext(builder.cttz(args[0], ir.Constant(ir.IntType(1), 1)), ir.IntType(64))

    return nb.types.int64(nb.types.uint32), generate
