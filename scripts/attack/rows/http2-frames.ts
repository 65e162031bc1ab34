import type { Attack } from '../attack.ts';
import { floodFrames, frame } from '../http2-client.ts';

const FRAMES_A_BATCH = 5_000;
const WINDOW_UPDATE = 8;

/** Every frame is allowed, and none is for anything. */
export const http2Frames: Attack = {
  name: 'http2-frames',
  what: 'WINDOW_UPDATE without end over HTTP/2, 8 clients',
  needsTls: true,
  prepare(stage) {
    stage.put('mallory', 'index.html', 'mallory');
    stage.name('mallory.example', 'mallory');
  },
  attack({ tlsPort }, signal) {
    const one = frame(WINDOW_UPDATE, 0, 0, Uint8Array.of(0, 0, 0, 1));
    const batch = Buffer.concat(Array.from({ length: FRAMES_A_BATCH }, () => one));
    return floodFrames({ tlsPort, clients: 8, batch, signal });
  },
};
