"""Writes random values, how the reference implementation of the canonical ABI lowers them, and what
it lifts from bytes that were changed at random: one JSON object a line.

    python3 vectors.py DIR COUNT SEED

DIR is the folder design/mvp/canonical-abi of https://github.com/WebAssembly/component-model: its
definitions.py is imported, and says what is right.
"""
import json
import random
import sys

sys.path.insert(0, sys.argv[1])
import definitions as d  # noqa: E402

d.DETERMINISTIC_PROFILE = True

MEMORY_BYTES = 4096
ENCODINGS = ["utf8", "utf16", "latin1+utf16"]
INTEGERS = {
    "u8": (d.U8Type, 0, 2**8 - 1),
    "s8": (d.S8Type, -(2**7), 2**7 - 1),
    "u16": (d.U16Type, 0, 2**16 - 1),
    "s16": (d.S16Type, -(2**15), 2**15 - 1),
    "u32": (d.U32Type, 0, 2**32 - 1),
    "s32": (d.S32Type, -(2**31), 2**31 - 1),
    "u64": (d.U64Type, 0, 2**64 - 1),
    "s64": (d.S64Type, -(2**63), 2**63 - 1),
}
OTHERS = {
    "bool": d.BoolType,
    "f32": d.F32Type,
    "f64": d.F64Type,
    "char": d.CharType,
    "string": d.StringType,
}
COMPOUND = ["list", "tuple", "record", "variant", "option", "result", "map", "flags", "enum"]


class Context(d.LiftLowerContext):
    """A guest whose allocator only goes on."""

    def __init__(self, encoding, memory=None):
        opts = d.CanonicalOptions()
        opts.memory = d.MemInst(memory or bytearray(MEMORY_BYTES), "i32")
        opts.string_encoding = encoding
        super().__init__(opts, None)
        self.next = 16

    def reallocate(self, old, old_byte_length, alignment, new_byte_length):
        at = d.align_to(self.next, alignment)
        self.next = at + new_byte_length
        return at


def pick_type(depth):
    """A type as the other side knows it."""
    simple = list(INTEGERS) + list(OTHERS)
    kind = random.choice(simple if depth == 0 else simple + COMPOUND * 2)
    if kind in simple:
        return {"kind": kind}
    inner = lambda: pick_type(depth - 1)  # noqa: E731
    maybe = lambda: inner() if random.random() < 0.7 else None  # noqa: E731
    if kind == "list":
        return {"kind": kind, "element": inner()}
    if kind == "map":
        return {"kind": kind, "key": {"kind": random.choice(simple)}, "value": inner()}
    if kind == "option":
        return {"kind": kind, "some": inner()}
    if kind == "result":
        return {"kind": kind, "ok": maybe(), "error": maybe()}
    if kind in ("flags", "enum"):
        most = 32 if kind == "flags" else 300
        count = random.choice([1, 2, 8, 9, 16, 17, random.randint(1, most)])
        return {"kind": kind, "labels": [f"l{i}" for i in range(count)]}
    count = random.randint(1, 5)
    if kind == "tuple":
        return {"kind": kind, "items": [inner() for _ in range(count)]}
    if kind == "record":
        return {"kind": kind, "fields": [{"name": f"f{i}", "type": inner()} for i in range(count)]}
    count = 257 if random.random() < 0.02 else count
    return {"kind": kind, "cases": [{"name": f"c{i}", "type": maybe()} for i in range(count)]}


def reference_type(t):
    kind = t["kind"]
    make = lambda each: None if each is None else reference_type(each)  # noqa: E731
    if kind in INTEGERS:
        return INTEGERS[kind][0]()
    if kind in OTHERS:
        return OTHERS[kind]()
    if kind == "list":
        return d.ListType(make(t["element"]))
    if kind == "map":
        return d.MapType(make(t["key"]), make(t["value"]))
    if kind == "option":
        return d.OptionType(make(t["some"]))
    if kind == "result":
        return d.ResultType(make(t["ok"]), make(t["error"]))
    if kind == "flags":
        return d.FlagsType(t["labels"])
    if kind == "enum":
        return d.EnumType(t["labels"])
    if kind == "tuple":
        return d.TupleType([make(each) for each in t["items"]])
    if kind == "record":
        return d.RecordType([d.FieldType(f["name"], make(f["type"])) for f in t["fields"]])
    return d.VariantType([d.CaseType(c["name"], make(c["type"])) for c in t["cases"]])


def pick_text():
    ranges = [(0x20, 0x7E), (0, 0xFF), (0x100, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF)]
    most = random.choice([0, 1, 2, 5])
    chars = [chr(random.randint(*random.choice(ranges[:most]))) for _ in range(6)] if most else []
    return "".join(chars[: random.randint(0, 6)])


def tag_text(text, encoding):
    """As a string comes from a guest of the same encoding, which decides how it is allocated."""
    if encoding == "utf8":
        return (text, encoding, len(text.encode("utf-8")))
    units = len(text.encode("utf-16-le")) // 2
    if encoding == "utf16":
        return (text, encoding, units)
    if all(ord(char) < 256 for char in text):
        return (text, encoding, units)
    return (text, encoding, units | 1 << 31)


def pick_value(t, encoding):
    kind = t["kind"]
    pick = lambda each: None if each is None else pick_value(each, encoding)  # noqa: E731
    if kind in INTEGERS:
        _, low, high = INTEGERS[kind]
        return random.choice([low, high, max(low, 0), random.randint(low, high)])
    if kind == "bool":
        return random.random() < 0.5
    if kind == "f32":
        return d.canonicalize_nan32(d.core_f32_reinterpret_i32(random.getrandbits(32)))
    if kind == "f64":
        return d.canonicalize_nan64(d.core_f64_reinterpret_i64(random.getrandbits(64)))
    if kind == "char":
        return chr(random.choice([0, 0x41, 0xD7FF, 0xE000, 0xFFFF, 0x10FFFF]))
    if kind == "string":
        return tag_text(pick_text(), encoding)
    if kind == "list":
        return [pick(t["element"]) for _ in range(random.randint(0, 4))]
    if kind == "map":
        return [{"0": pick(t["key"]), "1": pick(t["value"])} for _ in range(random.randint(0, 4))]
    if kind == "flags":
        return {label: random.random() < 0.5 for label in t["labels"]}
    if kind == "tuple":
        return {str(i): pick(each) for i, each in enumerate(t["items"])}
    if kind == "record":
        return {f["name"]: pick(f["type"]) for f in t["fields"]}
    name, payload = random.choice(cases_of(t))
    return {name: pick(payload)}


def cases_of(t):
    kind = t["kind"]
    if kind == "option":
        return [("none", None), ("some", t["some"])]
    if kind == "result":
        return [("ok", t["ok"]), ("error", t["error"])]
    if kind == "enum":
        return [(label, None) for label in t["labels"]]
    return [(c["name"], c["type"]) for c in t["cases"]]


def show(t, v):
    """A value as JSON: wide numbers and floats as text, cases by their place."""
    kind = t["kind"]
    if kind in ("u64", "s64"):
        return str(v)
    if kind == "f32":
        return str(d.encode_float_as_i32(v))
    if kind == "f64":
        return str(d.encode_float_as_i64(v))
    if kind == "char":
        return ord(v)
    if kind == "string":
        return v[0]
    if kind == "list":
        return [show(t["element"], each) for each in v]
    if kind == "map":
        return [[show(t["key"], each["0"]), show(t["value"], each["1"])] for each in v]
    if kind == "flags":
        return sum(1 << i for i, label in enumerate(t["labels"]) if v[label])
    if kind == "tuple":
        return [show(each, v[str(i)]) for i, each in enumerate(t["items"])]
    if kind == "record":
        return [show(f["type"], v[f["name"]]) for f in t["fields"]]
    if kind in INTEGERS or kind == "bool":
        return v
    [(name, value)] = v.items()
    for tag, (label, payload) in enumerate(cases_of(t)):
        if label == name:
            return {"tag": tag, "value": None if payload is None else show(payload, value)}


def show_flat(types, flat):
    bits = {"f32": d.encode_float_as_i32, "f64": d.encode_float_as_i64}
    return [str(bits.get(t, lambda v: v)(v)) for t, v in zip(types, flat, strict=True)]


def change_flat(types, flat):
    """Some of the core values are others now."""
    changed = list(flat)
    for at, t in enumerate(types):
        if random.random() > 0.2:
            continue
        width = 64 if t in ("i64", "f64") else 32
        bits = random.getrandbits(random.choice([3, 8, 12, width]))
        if t == "f32":
            changed[at] = d.decode_i32_as_float(bits)
        elif t == "f64":
            changed[at] = d.decode_i64_as_float(bits)
        else:
            changed[at] = bits
    return changed


def change_bytes(memory):
    changed = bytearray(memory)
    for _ in range(random.choice([0, 1, 4])):
        changed[random.randrange(256)] = random.getrandbits(8)
    return changed


def try_lift(t, lift):
    try:
        return {"value": show(t, lift())}
    except d.Trap:
        return {"trap": True}


def make_vector():
    t = pick_type(random.randint(0, 3))
    reference = reference_type(t)
    encoding = random.choice(ENCODINGS)
    value = pick_value(t, encoding)
    types = d.flatten_type(reference, Context(encoding).opts)
    size, align = d.elem_size(reference, "i32"), d.alignment(reference, "i32")
    if len(types) > 100 or size > 1024:
        return None
    flat_place, place = Context(encoding), Context(encoding)
    place.next = d.align_to(place.next, align) + size
    at = d.align_to(16, align)
    try:
        flat = d.lower_flat(flat_place, value, reference)
        d.store(place, value, reference, at)
    except d.Trap:
        return None
    given = Context(encoding, change_bytes(flat_place.opts.memory.bytes))
    given_flat = change_flat(types, flat)
    stored = Context(encoding, change_bytes(place.opts.memory.bytes))
    return {
        "type": t,
        "encoding": encoding,
        "size": size,
        "align": align,
        "flatTypes": types,
        "value": show(t, value),
        "flat": show_flat(types, flat),
        "memory": trim(flat_place),
        "at": at,
        "stored": trim(place),
        "givenFlat": show_flat(types, given_flat),
        "givenMemory": trim(given),
        "lifted": try_lift(t, lambda: d.lift_flat(given, d.CoreValueIter(given_flat), reference)),
        "givenStored": trim(stored),
        "loaded": try_lift(t, lambda: d.load(stored, at, reference)),
    }


def trim(context):
    return bytes(context.opts.memory.bytes).rstrip(b"\0").hex()


def main():
    count, seed = int(sys.argv[2]), int(sys.argv[3])
    random.seed(seed)
    made = 0
    while made < count:
        vector = make_vector()
        if vector is not None:
            print(json.dumps(vector))
            made += 1


main()
