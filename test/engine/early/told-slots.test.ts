/** Where a request's arguments and environment are written in a Go program's memory. */
import { describe, expect, test } from 'vitest';
import { GuestMemory } from '../../../src/abi/memory.ts';
import { StringBlock } from '../../../src/abi/objects/string-block.ts';
import { pieceBytes, type Steps } from '../../../src/abi/steps.ts';
import { answerAbsent, readLookup } from '../../../src/engine/early/lookup.ts';
import { findSlots, writeTold } from '../../../src/engine/early/told-slots.ts';

const mark = '0123456789abcdef';
const strings = { argumentsMax: 2, variablesMax: 3, roomBytes: 64 };
const places = { argumentsAt: 0x100, environmentAt: 0x200, lookup: 0x1005, placesFrom: 0xfff };
const at = { arguments: 0x300, variables: 0x400, texts: 0x800, copy: 0x600 };
/** One of the owner's stands behind them. */
const lengths = [64, 16, 16, 5];

/** As a start leaves it, with a copy of the first argument's string. */
function makeMemory(): { readonly memory: WebAssembly.Memory; readonly bytes: Buffer } {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const bytes = Buffer.from(memory.buffer);
  const word = (place: number, value: number) => bytes.writeBigUInt64LE(BigInt(value), place);
  const string = (place: number, text: number, length: number): void => {
    word(place, text);
    word(place + 8, length);
    bytes.write(mark.padEnd(length, '.').slice(0, length), text, 'latin1');
  };
  for (const [place, array, count] of [
    [places.argumentsAt, at.arguments, 2],
    [places.environmentAt, at.variables, lengths.length],
  ] as const) {
    word(place, array);
    word(place + 8, count);
    word(place + 16, count);
  }
  for (const each of [0, 1]) string(at.arguments + each * 16, at.texts + each * 16, 16);
  for (const [each, length] of lengths.entries()) {
    string(at.variables + each * 16, at.texts + 0x100 + each * 64, length);
  }
  bytes.copy(bytes, at.copy, at.arguments, at.arguments + 16);
  return { memory, bytes };
}

function lastOf<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

const find = (bytes: Buffer, copiesArgument = false) =>
  lastOf(findSlots(bytes, { ...places, copiesArgument }, { strings, mark }));

function readStrings(bytes: Buffer, array: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_, each) => {
    const pointer = Number(bytes.readBigUInt64LE(array + each * 16));
    const length = Number(bytes.readBigUInt64LE(array + each * 16 + 8));
    return bytes.toString('latin1', pointer, pointer + length);
  });
}

const told = (args: readonly string[], environment: readonly string[]) => ({
  arguments: StringBlock.of(args),
  environment: StringBlock.of(environment),
});

function write(texts: ReturnType<typeof told>, copiesArgument = false): Buffer {
  const { memory, bytes } = makeMemory();
  const slots = find(bytes, copiesArgument);
  const trap = (reason: string): never => {
    throw new Error(reason);
  };
  if (slots !== undefined) {
    writeTold(new GuestMemory(memory, { onWrite: undefined, trap }), slots, texts);
  }
  return bytes;
}

describe('what a request is told', () => {
  test('is what the program finds, and nothing of the start', () => {
    const bytes = write(told(['/go', 'a\xff'], ['A=', 'B=\xe4=1']));
    expect(readStrings(bytes, at.arguments, 2)).toEqual(['/go', 'a\xff']);
    expect(readStrings(bytes, at.variables, 4)).toEqual(['A=', 'B=\xe4=1', '', '01234']);
    expect(bytes.readBigUInt64LE(places.environmentAt + 8)).toBe(4n);
  });

  test('may be fewer arguments, of which the slice has room for no more', () => {
    const bytes = write(told(['/longer'], ['A=1']), true);
    expect(bytes.readBigUInt64LE(places.argumentsAt + 8)).toBe(1n);
    expect(bytes.readBigUInt64LE(places.argumentsAt + 16)).toBe(1n);
    expect(readStrings(bytes, at.copy, 1)).toEqual(['/longer']);
    expect(readStrings(bytes, at.arguments, 2)).toEqual(['/longer', '']);
  });

  test('is looked for in pieces, between which others have their turns', () => {
    const { memory } = makeMemory();
    memory.grow(63);
    const told = { ...places, copiesArgument: true };
    const steps = findSlots(Buffer.from(memory.buffer), told, { strings, mark });
    let turns = 0;
    while (steps.next().done !== true) turns += 1;
    expect(turns).toBe((64 * 65_536) / pieceBytes);
  });

  test.each([
    ['bytes', ['/go'], ['A='.padEnd(60, 'x')]],
    ['arguments', ['1', '2', '3'], []],
    ['variables', ['1'], ['A=', 'B=', 'C=', 'D=']],
  ])('is never more than there is room for: %s', (_, args, environment) => {
    expect(() => write(told(args, environment))).toThrow(RangeError);
  });

  test('just fills the room', () => {
    const long = 'A='.padEnd(strings.roomBytes - '/go\0'.length - 1, 'x');
    expect(readStrings(write(told(['/go'], [long])), at.variables, 1)).toEqual([long]);
  });
});

describe('a start is none where its memory is otherwise', () => {
  test.each<readonly [string, (bytes: Buffer) => void]>([
    ['fewer arguments', (bytes) => bytes.writeUInt32LE(1, places.argumentsAt + 8)],
    ['less capacity', (bytes) => bytes.writeUInt32LE(1, places.argumentsAt + 16)],
    ['fewer variables', (bytes) => bytes.writeUInt32LE(2, places.environmentAt + 8)],
    ['no slice', (bytes) => bytes.writeUInt32LE(0, places.environmentAt)],
    ['a slice beyond memory', (bytes) => bytes.writeUInt32LE(65_530, places.environmentAt)],
    ['an array far away', (bytes) => bytes.writeUInt32LE(1, places.environmentAt + 4)],
    ['another argument', (bytes) => bytes.write('x', at.texts + 16)],
    ['another variable', (bytes) => bytes.write('x', at.texts + 0x140)],
    ['a smaller room', (bytes) => bytes.writeUInt32LE(63, at.variables + 8)],
    ['a text beyond memory', (bytes) => bytes.writeUInt32LE(65_530, at.variables)],
  ])('%s', (_, change) => {
    const { bytes } = makeMemory();
    expect(find(bytes)).toBeDefined();
    const { bytes: other } = makeMemory();
    change(other);
    expect(find(other)).toBeUndefined();
  });

  test('too many copies of the first argument', () => {
    for (const [count, isFound] of [
      [64, true],
      [65, false],
    ] as const) {
      const { bytes } = makeMemory();
      const copy = bytes.subarray(at.copy, at.copy + 16);
      for (let each = 0; each < count; each += 1) copy.copy(bytes, 0x2000 + each * 16);
      copy.fill(0);
      expect(find(bytes, true) !== undefined).toBe(isFound);
    }
  });
});

describe('a program that looks for a variable', () => {
  const stack = 0x2000;
  const look = (length: number, pointer = 0x900): Buffer => {
    const { bytes } = makeMemory();
    bytes.fill(0xff, stack, stack + 64);
    bytes.writeBigUInt64LE(BigInt(pointer), stack + 8);
    bytes.writeBigUInt64LE(BigInt(length), stack + 16);
    bytes.fill('N', 0x900, 0x900 + 2_048);
    return bytes;
  };

  test('is told that there is none', () => {
    const bytes = look(3);
    expect(readLookup(bytes, stack)).toBe('NNN');
    answerAbsent(bytes, stack);
    expect(bytes.subarray(stack + 24, stack + 41)).toEqual(Buffer.alloc(17));
    expect(bytes.readUInt8(stack + 41)).toBe(0xff);
    expect(bytes.readUInt8(stack + 23)).toBe(0);
  });

  test.each<readonly [string, Buffer, number]>([
    ['a long name', look(1_025), stack],
    ['a name beyond memory', look(16, 65_530), stack],
    ['a stack beyond memory', look(3), 65_536 - 40],
  ])('is not where there is %s', (_, bytes, stackPointer) => {
    expect(readLookup(bytes, stackPointer)).toBeUndefined();
  });

  test('has names of 1,024 bytes', () => {
    expect(readLookup(look(1_024), stack)).toHaveLength(1_024);
  });
});
