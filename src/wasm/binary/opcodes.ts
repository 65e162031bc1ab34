/**
 * Every instruction V8 in Node 26 accepts without flags, and the shape of its immediates.
 *
 * Prefixed instructions get dense numbers behind the 256 plain ones, so that one small table
 * answers for all: `Op.gc + n` is 0xfb n, `Op.misc + n` 0xfc n, and so on.
 */

/** Where the instructions of each prefix begin in the dense numbering. */
export const gcBase = 256;
export const miscBase = 320;
export const simdBase = 352;
export const atomicBase = 864;
export const opCount = 992;

export const Op = {
  unreachable: 0x00,
  nop: 0x01,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  try: 0x06,
  catch: 0x07,
  throw: 0x08,
  rethrow: 0x09,
  throwRef: 0x0a,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  returnCall: 0x12,
  returnCallIndirect: 0x13,
  callRef: 0x14,
  returnCallRef: 0x15,
  delegate: 0x18,
  catchAll: 0x19,
  drop: 0x1a,
  select: 0x1b,
  selectTyped: 0x1c,
  tryTable: 0x1f,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  tableGet: 0x25,
  tableSet: 0x26,
  i32Load: 0x28,
  i32Store: 0x36,
  i64Store: 0x37,
  f32Store: 0x38,
  f64Store: 0x39,
  i32Store8: 0x3a,
  i64Store32: 0x3e,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  f32Const: 0x43,
  f64Const: 0x44,
  refNull: 0xd0,
  refIsNull: 0xd1,
  refFunc: 0xd2,
  refEq: 0xd3,
  refAsNonNull: 0xd4,
  brOnNull: 0xd5,
  brOnNonNull: 0xd6,
  structNew: gcBase,
  structNewDefault: gcBase + 1,
  arrayNew: gcBase + 6,
  arrayNewDefault: gcBase + 7,
  arrayNewFixed: gcBase + 8,
  arrayNewData: gcBase + 9,
  arrayNewElem: gcBase + 10,
  arrayFill: gcBase + 16,
  arrayCopy: gcBase + 17,
  arrayInitData: gcBase + 18,
  arrayInitElem: gcBase + 19,
  brOnCast: gcBase + 24,
  brOnCastFail: gcBase + 25,
  /** And the four after it: i32.extend16_s to i64.extend32_s. */
  i32Extend8S: 0xc0,
  memoryInit: miscBase + 8,
  dataDrop: miscBase + 9,
  memoryCopy: miscBase + 10,
  memoryFill: miscBase + 11,
  tableInit: miscBase + 12,
  elemDrop: miscBase + 13,
  tableCopy: miscBase + 14,
  tableGrow: miscBase + 15,
  tableSize: miscBase + 16,
  tableFill: miscBase + 17,
  v128Store: simdBase + 11,
  v128Store8Lane: simdBase + 88,
  v128Store64Lane: simdBase + 91,
  relaxedFirst: simdBase + 256,
  atomicNotify: atomicBase,
} as const;

/** Shapes of immediates. `none` comes first: most instructions have none. */
export const Shape = {
  none: 0,
  local: 1,
  memarg: 2,
  i32: 3,
  i64: 4,
  f32: 5,
  f64: 6,
  label: 7,
  block: 8,
  func: 9,
  global: 10,
  typeAndTable: 11,
  type: 12,
  table: 13,
  tag: 14,
  brTable: 15,
  selectTypes: 16,
  tryTable: 17,
  memory: 18,
  heapType: 19,
  typeAndField: 20,
  typeAndCount: 21,
  typeAndData: 22,
  typeAndElem: 23,
  typeAndType: 24,
  castBranch: 25,
  dataAndMemory: 26,
  data: 27,
  memoryAndMemory: 28,
  elemAndTable: 29,
  elem: 30,
  tableAndTable: 31,
  lane: 32,
  memargAndLane: 33,
  bytes16: 34,
  zeroByte: 35,
  unknown: 255,
} as const;

type Range = readonly [first: number, last: number, shape: number];

const plainRanges: readonly Range[] = [
  [0x00, 0x01, Shape.none],
  [0x02, 0x04, Shape.block],
  [0x05, 0x05, Shape.none],
  [0x06, 0x06, Shape.block],
  [0x07, 0x08, Shape.tag],
  [0x09, 0x09, Shape.label],
  [0x0a, 0x0b, Shape.none],
  [0x0c, 0x0d, Shape.label],
  [0x0e, 0x0e, Shape.brTable],
  [0x0f, 0x0f, Shape.none],
  [0x10, 0x10, Shape.func],
  [0x11, 0x11, Shape.typeAndTable],
  [0x12, 0x12, Shape.func],
  [0x13, 0x13, Shape.typeAndTable],
  [0x14, 0x15, Shape.type],
  [0x18, 0x18, Shape.label],
  [0x19, 0x1b, Shape.none],
  [0x1c, 0x1c, Shape.selectTypes],
  [0x1f, 0x1f, Shape.tryTable],
  [0x20, 0x22, Shape.local],
  [0x23, 0x24, Shape.global],
  [0x25, 0x26, Shape.table],
  [0x28, 0x3e, Shape.memarg],
  [0x3f, 0x40, Shape.memory],
  [0x41, 0x41, Shape.i32],
  [0x42, 0x42, Shape.i64],
  [0x43, 0x43, Shape.f32],
  [0x44, 0x44, Shape.f64],
  [0x45, 0xc4, Shape.none],
  [0xd0, 0xd0, Shape.heapType],
  [0xd1, 0xd1, Shape.none],
  [0xd2, 0xd2, Shape.func],
  [0xd3, 0xd4, Shape.none],
  [0xd5, 0xd6, Shape.label],
];

const gcRanges: readonly Range[] = [
  [0, 1, Shape.type],
  [2, 5, Shape.typeAndField],
  [6, 7, Shape.type],
  [8, 8, Shape.typeAndCount],
  [9, 9, Shape.typeAndData],
  [10, 10, Shape.typeAndElem],
  [11, 14, Shape.type],
  [15, 15, Shape.none],
  [16, 16, Shape.type],
  [17, 17, Shape.typeAndType],
  [18, 18, Shape.typeAndData],
  [19, 19, Shape.typeAndElem],
  [20, 23, Shape.heapType],
  [24, 25, Shape.castBranch],
  [26, 30, Shape.none],
];

const miscRanges: readonly Range[] = [
  [0, 7, Shape.none],
  [8, 8, Shape.dataAndMemory],
  [9, 9, Shape.data],
  [10, 10, Shape.memoryAndMemory],
  [11, 11, Shape.memory],
  [12, 12, Shape.elemAndTable],
  [13, 13, Shape.elem],
  [14, 14, Shape.tableAndTable],
  [15, 17, Shape.table],
];

const simdRanges: readonly Range[] = [
  [0, 11, Shape.memarg],
  [12, 13, Shape.bytes16],
  [14, 20, Shape.none],
  [21, 34, Shape.lane],
  [35, 83, Shape.none],
  [84, 91, Shape.memargAndLane],
  [92, 93, Shape.memarg],
  [94, 275, Shape.none],
];

const simdHoles = [
  0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2,
  0xd3, 0xd4, 0xe2, 0xee,
];

const atomicRanges: readonly Range[] = [
  [0, 2, Shape.memarg],
  [3, 3, Shape.zeroByte],
  [0x10, 0x4e, Shape.memarg],
];

function buildShapes(): Uint8Array {
  const shapes = new Uint8Array(opCount).fill(Shape.unknown);
  const fill = (base: number, ranges: readonly Range[]): void => {
    for (const [first, last, shape] of ranges) shapes.fill(shape, base + first, base + last + 1);
  };
  fill(0, plainRanges);
  fill(gcBase, gcRanges);
  fill(miscBase, miscRanges);
  fill(simdBase, simdRanges);
  fill(atomicBase, atomicRanges);
  for (const hole of simdHoles) shapes[simdBase + hole] = Shape.unknown;
  return shapes;
}

/** Dense instruction number → `Shape`. */
export const shapeOf: Uint8Array = buildShapes();

/** First dense number and count of the instructions behind each prefix byte. */
export function prefixBase(prefix: number): number {
  if (prefix === 0xfb) return gcBase;
  if (prefix === 0xfc) return miscBase;
  if (prefix === 0xfd) return simdBase;
  return prefix === 0xfe ? atomicBase : -1;
}

/** One past the last number a prefix may use. */
export function prefixEnd(prefix: number): number {
  if (prefix === 0xfb) return miscBase;
  if (prefix === 0xfc) return simdBase;
  return prefix === 0xfd ? atomicBase : opCount;
}
