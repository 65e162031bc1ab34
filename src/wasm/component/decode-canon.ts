/** Canonical definitions: functions that cross between core modules and components. */
import { type ComponentReader, refuseGated, unknownByte } from './bytes.ts';
import type { TypeDecoder } from './decode-types.ts';
import type { Canon, CanonOptions } from './definitions.ts';
import { refuseComponent } from './limits.ts';

const gated: ReadonlyMap<number, string> = new Map([
  [0x07, 'a resource.drop of a draft'],
  [0x08, 'backpressure.set of a draft'],
  [0x1c, 'error-context.new'],
  [0x1d, 'error-context.debug-message'],
  [0x1e, 'error-context.drop'],
  [0x26, 'thread.index'],
  [0x27, 'thread.new-indirect'],
  [0x28, 'thread.resume-later'],
  [0x29, 'thread.suspend'],
  [0x2a, 'thread.suspend-then-resume'],
  [0x2b, 'thread.yield-then-resume'],
  [0x2c, 'thread.suspend-then-promote'],
  [0x2d, 'thread.yield-then-promote'],
  [0x40, 'thread.spawn-ref'],
  [0x41, 'thread.spawn-indirect'],
  [0x42, 'thread.available-parallelism'],
]);

const plain = {
  5: 'task.cancel',
  13: 'subtask.drop',
  31: 'waitable-set.new',
  34: 'waitable-set.drop',
  35: 'waitable.join',
  36: 'backpressure.inc',
  37: 'backpressure.dec',
} as const;

const ofResources = {
  2: 'resource.new',
  3: 'resource.drop',
  4: 'resource.rep',
} as const;

/** Those of streams begin here; those of futures follow in the same order. */
const firstOfStreams = 0x0e;
const firstOfFutures = 0x15;
const lastOfFutures = 0x1b;
const endOperations = [
  'new',
  'read',
  'write',
  'cancel-read',
  'cancel-write',
  'drop-readable',
  'drop-writable',
] as const;

const encodings = ['utf8', 'utf16', 'latin1+utf16'] as const;
const contextSlotsMax = 2;

export class CanonDecoder {
  readonly #in: ComponentReader;
  readonly #types: TypeDecoder;

  constructor(input: ComponentReader, types: TypeDecoder) {
    this.#in = input;
    this.#types = types;
  }

  readCanon(): Canon {
    const { reader, counts } = this.#in;
    const offset = reader.pos;
    counts.count('canonical definitions', offset);
    const byte = reader.readByte();
    const draft = gated.get(byte);
    if (draft !== undefined) throw refuseGated(draft, offset);
    if (byte <= 0x01) return this.#readCrossing(byte);
    if (byte in ofResources) {
      const kind = ofResources[byte as keyof typeof ofResources];
      return { kind, type: reader.readU32() };
    }
    if (byte in plain) return { kind: plain[byte as keyof typeof plain] };
    if (byte >= firstOfStreams && byte <= lastOfFutures) return this.#readEndOperation(byte);
    return this.#readOther(byte, offset);
  }

  #readCrossing(byte: number): Canon {
    const { reader } = this.#in;
    const offset = reader.pos;
    const sort = reader.readByte();
    if (sort !== 0) throw unknownByte('what is lifted and lowered', sort, offset);
    const func = reader.readU32();
    const options = this.#readOptions();
    if (byte === 0x01) return { kind: 'lower', func, options };
    return { kind: 'lift', func, options, type: reader.readU32() };
  }

  #readOther(byte: number, offset: number): Canon {
    const { reader } = this.#in;
    switch (byte) {
      case 0x06:
        return { kind: 'subtask.cancel', isAsync: this.#in.flag('async') };
      case 0x09: {
        const result = this.#types.readResult();
        return { kind: 'task.return', result, options: this.#readOptions() };
      }
      case 0x0a:
      case 0x0b:
        return this.#readContext(byte === 0x0a ? 'context.get' : 'context.set');
      case 0x0c:
        this.#in.flag('cancellable');
        return { kind: 'thread.yield' };
      case 0x20:
      case 0x21: {
        this.#in.flag('cancellable');
        const kind = byte === 0x20 ? 'waitable-set.wait' : 'waitable-set.poll';
        return { kind, memory: reader.readU32() };
      }
      default:
        throw unknownByte('canonical definitions', byte, offset);
    }
  }

  #readContext(kind: 'context.get' | 'context.set'): Canon {
    const { reader } = this.#in;
    const offset = reader.pos;
    if (reader.readByte() !== 0x7f) throw refuseGated('a context that is no i32', offset);
    const slot = reader.readU32();
    if (slot < contextSlotsMax) return { kind, slot };
    throw refuseComponent(`a context has ${contextSlotsMax} words`, `number ${slot}`, offset);
  }

  #readEndOperation(byte: number): Canon {
    const { reader } = this.#in;
    const isFuture = byte >= firstOfFutures;
    const end = isFuture ? 'future' : 'stream';
    const operation = endOperations[byte - (isFuture ? firstOfFutures : firstOfStreams)] ?? 'new';
    const type = reader.readU32();
    if (operation === 'read' || operation === 'write') {
      return { kind: `${end}.${operation}`, type, options: this.#readOptions() };
    }
    if (operation === 'cancel-read' || operation === 'cancel-write') {
      return { kind: `${end}.${operation}`, type, isAsync: this.#in.flag('async') };
    }
    return { kind: `${end}.${operation}`, type };
  }

  #readOptions(): CanonOptions {
    const seen = new Set<string>();
    const found: { -readonly [K in keyof CanonOptions]: CanonOptions[K] } = {
      encoding: 'utf8',
      memory: undefined,
      realloc: undefined,
      postReturn: undefined,
      isAsync: false,
      callback: undefined,
    };
    const { reader } = this.#in;
    this.#in.list('options', () => {
      const offset = reader.pos;
      const byte = reader.readByte();
      const name = optionNames[byte];
      if (name === undefined) throw unknownByte('canonical options', byte, offset);
      if (seen.has(name)) throw refuseComponent('canonical options come once', name, offset);
      seen.add(name);
      if (name === 'encoding') found.encoding = encodings[byte] ?? 'utf8';
      else if (name === 'async') found.isAsync = true;
      else found[name] = reader.readU32();
    });
    return found;
  }
}

const optionNames = [
  'encoding',
  'encoding',
  'encoding',
  'memory',
  'realloc',
  'postReturn',
  'async',
  'callback',
] as const;
