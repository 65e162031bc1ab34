import { Packet } from 'dns2';
import { expect, test } from 'vitest';
import { askForRecords } from '../../../src/outside/dns/ask.ts';
import { startDnsServer } from '../../support/dns-server.ts';

/** An answer that says of the name only that it is another one. */
function aliasOnly(name: string, target: Uint8Array): Buffer {
  const reply = new Packet();
  reply.header = new Packet.Header({ qr: 1 });
  reply.questions.push(new Packet.Question(name, Packet.TYPE.A, 1));
  const head = reply.toBuffer();
  head.writeUInt16BE(1, 6);
  const pointer = [0xc0, 12];
  const alias = [...pointer, 0, Packet.TYPE.CNAME, 0, 1, 0, 0, 0, 60, 0, target.length];
  return Buffer.concat([head, Buffer.from(alias), target]);
}

test.each([
  // As text the label is longer than a label may be.
  ['bytes that no name has', [40, ...Array.from({ length: 40 }, () => 1), 0]],
  ['a dot in a label', [3, 0x61, 0x2e, 0x62, 0]],
  ['the root', [0]],
])('an alias that leads to %s leads nowhere', async (_what, target) => {
  const name = 'alias.example';
  const garbage = aliasOnly(name, Uint8Array.from(target));
  await using server = await startDnsServer({ [name]: { garbage } });
  const limits = { dnsTimeoutMs: 5_000, dnsAttemptsMax: 1 };
  const options = { servers: [server], limits, budgetMs: 5_000 };
  expect(await askForRecords({ name, type: 'A' }, options)).toMatchObject({ kind: 'empty' });
  expect(server.queries).toEqual([`A ${name}`]);
});
