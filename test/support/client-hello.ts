/** A ClientHello put together from what it is to hold, in its order. */

export interface MadeHello {
  readonly version?: number;
  readonly ciphers: readonly number[];
  /** Type and content. */
  readonly extensions?: readonly (readonly [type: number, content: Buffer])[];
}

/** The handshake message. */
export function makeHello({ version = 0x0303, ciphers, extensions }: MadeHello): Buffer {
  const body = Buffer.concat([
    numbers([version], 2),
    Buffer.alloc(32, 7),
    vector(Buffer.alloc(0), 1),
    vector(numbers(ciphers, 2), 2),
    vector(Buffer.from([0]), 1),
    extensions === undefined ? Buffer.alloc(0) : vector(Buffer.concat(extensions.map(encode)), 2),
  ]);
  return Buffer.concat([Buffer.from([1]), vector(body, 3)]);
}

/** `bytes` behind their length. */
export function vector(bytes: Buffer, lengthBytes: number): Buffer {
  return Buffer.concat([numbers([bytes.length], lengthBytes), bytes]);
}

export function numbers(values: readonly number[], each: number): Buffer {
  const bytes = Buffer.alloc(values.length * each);
  for (const [at, value] of values.entries()) bytes.writeUIntBE(value, at * each, each);
  return bytes;
}

export function protocolList(...names: readonly Buffer[]): Buffer {
  return vector(Buffer.concat(names.map((name) => vector(name, 1))), 2);
}

function encode([type, content]: readonly [number, Buffer]): Buffer {
  return Buffer.concat([numbers([type], 2), vector(content, 2)]);
}
