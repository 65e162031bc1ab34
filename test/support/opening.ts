/** The first bytes of an HTTP/2 connection (RFC 9113, section 3.4), put together frame by frame. */

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export function frame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

export function settingsFrame(...settings: readonly (readonly [id: number, value: number])[]) {
  const payload = Buffer.alloc(settings.length * 6);
  settings.forEach(([id, value], at) => {
    payload.writeUInt16BE(id, at * 6);
    payload.writeUInt32BE(value, at * 6 + 2);
  });
  return frame(4, 0, 0, payload);
}

export function windowFrame(increment: number, streamId = 0): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(increment);
  return frame(8, 0, streamId, payload);
}

/** The head of one; what follows it is not looked at. */
export function headersFrame(): Buffer {
  return frame(1, 5, 1, Buffer.alloc(0));
}
