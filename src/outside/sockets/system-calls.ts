/**
 * What Node.js cannot do with sockets by itself, by `node:ffi`: ask whose address one has that was
 * inherited, give each thread a descriptor of its own to it, and send a datagram to a Unix socket.
 * Linux alone; elsewhere, and where calls are not allowed, there are none.
 */

const signatures = {
  fcntl: { return: 'i32', arguments: ['i32', 'i32', 'i32'] },
  // Not the file system's: Node.js would miss the descriptor among those it has opened.
  close: { return: 'i32', arguments: ['i32'] },
  getsockname: { return: 'i32', arguments: ['i32', 'pointer', 'pointer'] },
  socket: { return: 'i32', arguments: ['i32', 'i32', 'i32'] },
  sendto: { return: 'i64', arguments: ['i32', 'pointer', 'u64', 'i32', 'pointer', 'u32'] },
} as const;

/** Linux's numbers. */
const duplicateCloexec = 1_030;
const firstFreeDescriptor = 3;
const ipv4 = 2;
const ipv6 = 10;
const unix = 1;
const datagramCloexecNonblock = 0x8_0802;
const noSignal = 0x4000;
const addressBytesMax = 128;

export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

export class SocketCalls {
  readonly #calls: ReturnType<typeof openCalls>;

  private constructor(calls: ReturnType<typeof openCalls>) {
    this.#calls = calls;
  }

  static open(): SocketCalls | undefined {
    if (process.platform !== 'linux') return undefined;
    try {
      return new SocketCalls(openCalls());
    } catch {
      // Built or started without FFI, or not allowed to use it: whoever asks does without.
      return undefined;
    }
  }

  /** Another descriptor of the same socket, not passed on to programs that are started. */
  duplicate(descriptor: number): number | undefined {
    const copy = this.#calls.fcntl(descriptor, duplicateCloexec, firstFreeDescriptor);
    return copy < 0 ? undefined : copy;
  }

  close(descriptor: number): void {
    this.#calls.close(descriptor);
  }

  /** Where a socket listens; undefined for what is no socket of the Internet. */
  addressOf(descriptor: number): SocketAddress | undefined {
    const address = Buffer.alloc(addressBytesMax);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(address.length);
    if (this.#calls.getsockname(descriptor, address, length) !== 0) return undefined;
    const family = address.readUInt16LE(0);
    const port = address.readUInt16BE(2);
    if (family === ipv4) return { host: [...address.subarray(4, 8)].join('.'), port };
    if (family !== ipv6) return undefined;
    const groups = Array.from({ length: 8 }, (_, at) => address.readUInt16BE(8 + at * 2));
    const text = groups.map((group) => group.toString(16)).join(':');
    return { host: new URL(`http://[${text}]`).hostname.slice(1, -1), port };
  }

  /**
   * Sends a datagram to a Unix socket; a path that begins with `@` is an abstract name. False when
   * it was not taken. Never waits.
   */
  sendTo(path: string, text: string): boolean {
    const descriptor = this.#calls.socket(unix, datagramCloexecNonblock, 0);
    if (descriptor < 0) return false;
    try {
      const message = Buffer.from(text);
      const name = Buffer.from(path.replace(/^@/, '\0'));
      const address = Buffer.alloc(2 + name.length);
      address.writeUInt16LE(unix, 0);
      name.copy(address, 2);
      const bytes = BigInt(message.length);
      const sent = this.#calls.sendto(
        ...([descriptor, message, bytes, noSignal, address, address.length] as const),
      );
      return Number(sent) === message.length;
    } finally {
      this.#calls.close(descriptor);
    }
  }
}

function openCalls() {
  return process.getBuiltinModule('node:ffi').dlopen(null, signatures).functions;
}
