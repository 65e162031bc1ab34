/** Connections of bare requests: which of them become node's, when, and with what. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LimitClock } from '../../../src/limit-clock.ts';
import { aheadBytesMax } from '../../../src/serve/bare/connection.ts';
import { BareConnections } from '../../../src/serve/bare/connections.ts';
import { BareWire } from '../../../src/serve/bare/wire.ts';
import { ClientBytes } from '../../../src/serve/exchange-bytes.ts';
import { IdleConnections } from '../../../src/serve/http1/idle-connections.ts';
import { Lingering } from '../../../src/serve/http1/lingering.ts';
import { takeListener } from '../../../src/serve/http1/server-options.ts';
import { UsualHeads } from '../../../src/serve/http1/usual-heads.ts';
import { ReplyBatch } from '../../../src/serve/reply-batch.ts';
import { ReplyRooms } from '../../../src/serve/reply-rooms.ts';
import { KeptHellos } from '../../../src/serve/tls/kept-hellos.ts';
import { waitFor } from '../../support/daemon.ts';

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
const nowMs = (): number => performance.now();

interface Limits {
  readonly headerTimeoutMs?: number;
  readonly keepAliveTimeoutMs?: number;
}

interface Stage {
  readonly bare: BareConnections;
  readonly port: number;
  readonly handedOver: () => number;
  /** How each answer ended: whether it had left. */
  readonly ends: boolean[];
  readonly served: string[];
}

let stage: Stage;
let closeStage: () => Promise<void>;
let release: PromiseWithResolvers<void>;
let sockets: Socket[];

/** Node answers `[path body]`, and we `<path>`; `/slow` when it is released, `/no` is for node. */
async function open(limits: Limits = {}): Promise<void> {
  const { headerTimeoutMs = 60_000, keepAliveTimeoutMs = 60_000 } = limits;
  const server = createServer({ keepAliveTimeout: 0 }, answerAsNode);
  const giveToNode = takeListener(server, 'connection');
  const ends: boolean[] = [];
  const served: string[] = [];
  const options = {
    ...{ taking: new LimitClock(60_000), batch: new ReplyBatch(), rooms: new ReplyRooms(), nowMs },
    heads: new UsualHeads({ keepAliveTimeoutMs, wallMs: Date.now }),
    hellos: new KeptHellos(),
  };
  const bare = new BareConnections({
    ...{ nowMs, idle: new IdleConnections(keepAliveTimeoutMs, headerTimeoutMs) },
    clientBytes: new ClientBytes(aheadBytesMax),
    lingering: new Lingering({ lingerMs: 100, lingerBytesMax: 1_000_000 }),
    limits: { headerBytesMax: 32 * 1024, headerTimeoutMs },
    begin: (connection, { url }) => {
      if (url === '/no') return false;
      const wire = new BareWire(
        connection,
        { method: 'GET', url, httpVersion: '1.1', rawHeaders: [] },
        options,
      );
      connection.enter(wire);
      wire.listener = {
        wireDrained: () => undefined,
        wireClosed: () => ends.push(wire.isFinished),
      };
      served.push(url);
      void answer(wire, url);
      return true;
    },
  });
  let handedOver = 0;
  server.on('connection', (socket: Socket) => {
    bare.accept(socket, (given) => {
      handedOver += 1;
      giveToNode(given);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  stage = { bare, port, handedOver: () => handedOver, ends, served };
  closeStage = async () => {
    bare.destroy();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
}

function answerAsNode(incoming: IncomingMessage, response: ServerResponse): void {
  let body = '';
  incoming.on('data', (chunk: Buffer) => {
    body += chunk.toString('latin1');
  });
  incoming.on('end', () => response.end(`[${incoming.url} ${body}]`));
}

async function answer(wire: BareWire, url: string): Promise<void> {
  if (url === '/slow') await release.promise;
  const body = Buffer.from(`<${url}>`);
  wire.sendWhole(200, ['content-length', String(body.length)], body);
}

beforeEach(async () => {
  sockets = [];
  release = Promise.withResolvers();
  await open();
});

afterEach(async () => {
  release.resolve();
  for (const socket of sockets) socket.destroy();
  await closeStage();
});

async function reopen(limits: Limits): Promise<void> {
  await closeStage();
  await open(limits);
}

/** Their ends are told to both sides, to one of them first. */
async function untilNone(): Promise<void> {
  await waitFor(() => Promise.resolve(stage.bare.size === 0 || undefined));
}

class Client {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  #received = '';

  constructor() {
    this.socket = connect({ host: '127.0.0.1', port: stage.port, noDelay: true });
    sockets.push(this.socket);
    this.socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1');
    });
    this.socket.on('error', () => undefined);
    this.closed = once(this.socket, 'close');
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Bodies of the answers so far. */
  get bodies(): readonly string[] {
    return this.#received.match(/<[^>]*>|\[[^\]]*\]|400 Bad Request/g) ?? [];
  }

  async until(count: number): Promise<readonly string[]> {
    await waitFor(() => Promise.resolve(this.bodies.length >= count || undefined));
    return this.bodies;
  }
}

describe('bare requests', () => {
  test('stay ours, one after another', async () => {
    const client = new Client();
    for (let count = 1; count <= 5; count += 1) {
      client.send(get('/a'));
      expect((await client.until(count)).at(-1)).toBe('</a>');
    }
    expect(stage.handedOver()).toBe(0);
    expect(stage.ends).toEqual(Array(5).fill(true));
  });

  test('stay ours when they come together, one at a time', async () => {
    const client = new Client();
    const paths = Array.from({ length: 500 }, (_, at) => `/${at}`);
    client.send(get('/slow') + paths.map(get).join(''));
    await waitFor(() => Promise.resolve(stage.served.length > 0 || undefined));
    expect(stage.served).toEqual(['/slow']);
    release.resolve();
    const bodies = await client.until(501);
    expect(bodies).toEqual(['</slow>', ...paths.map((path) => `<${path}>`)]);
    expect(stage.handedOver()).toBe(0);
  });

  test('go on when what came in the middle of an answer was a whole request', async () => {
    const client = new Client();
    client.send(get('/slow'));
    await waitFor(() => Promise.resolve(stage.served.length > 0 || undefined));
    client.send(get('/a'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.send(get('/b'));
    release.resolve();
    expect(await client.until(3)).toEqual(['</slow>', '</a>', '</b>']);
    client.send(get('/c'));
    expect((await client.until(4)).at(-1)).toBe('</c>');
    expect(stage.handedOver()).toBe(0);
  });
});

const odd: readonly (readonly [string, string, string])[] = [
  ['a body', 'POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc', '[/p abc]'],
  [
    'chunks',
    'POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    '[/p abc]',
  ],
  ['a wish for trailers', 'GET /p HTTP/1.1\r\nHost: x\r\nTE: trailers\r\n\r\n', '[/p ]'],
  ['an address', 'GET http://x/p HTTP/1.1\r\nHost: x\r\n\r\n', '[http://x/p ]'],
  ['what is ours to refuse', get('/no'), '[/no ]'],
];

describe('a method that node does not know', () => {
  const hello = get('/a').replace('GET', 'HELLO');

  test('is served like others, wherever its head is cut in two', async () => {
    for (let at = 'HELLO /'.length; at < hello.length; at += 1) {
      const client = new Client();
      client.send(hello.slice(0, at));
      await new Promise((resolve) => setImmediate(resolve));
      client.send(hello.slice(at) + get('/b'));
      expect(await client.until(2)).toEqual(['</a>', '</b>']);
      client.socket.destroy();
    }
    expect(stage.handedOver()).toBe(0);
  });

  test('is served behind an answer under way', async () => {
    const client = new Client();
    client.send(get('/slow') + hello.slice(0, 12));
    await waitFor(() => Promise.resolve(stage.served.length > 0 || undefined));
    release.resolve();
    expect(await client.until(1)).toEqual(['</slow>']);
    client.send(hello.slice(12));
    expect(await client.until(2)).toEqual(['</slow>', '</a>']);
    expect(stage.handedOver()).toBe(0);
  });

  test('is refused by node where its head does not end in time', async () => {
    await reopen({ headerTimeoutMs: 50 });
    const client = new Client();
    client.send(hello.slice(0, 12));
    expect(await client.until(1)).toEqual(['400 Bad Request']);
    await untilNone();
  });

  test('is refused by node where its head is long, has a body, or comes behind one', async () => {
    const [long, filled, later] = [new Client(), new Client(), new Client()];
    long.send(`HELLO /${'a'.repeat(9_000)}`);
    filled.send(hello.replace('Host', 'Content-Length: 1\r\nHost'));
    later.send(`POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc${hello}`);
    expect(await long.until(1)).toEqual(['400 Bad Request']);
    expect(await filled.until(1)).toEqual(['400 Bad Request']);
    await later.closed;
    expect(stage.served).toEqual([]);
  });
});

describe('a connection becomes node’s', () => {
  test.each(odd)('by %s, at first', async (_what, bytes, expected) => {
    const client = new Client();
    client.send(bytes + get('/b'));
    expect(await client.until(2)).toEqual([expected, '[/b ]']);
    expect(stage.handedOver()).toBe(1);
    expect(stage.bare.size).toBe(0);
  });

  test.each(odd)('by %s, behind others that came with it', async (_what, bytes, expected) => {
    const client = new Client();
    client.send(get('/slow') + get('/a') + bytes + get('/b'));
    release.resolve();
    expect(await client.until(4)).toEqual(['</slow>', '</a>', expected, '[/b ]']);
    client.send(get('/c'));
    expect((await client.until(5)).at(-1)).toBe('[/c ]');
    expect(stage.handedOver()).toBe(1);
  });

  test.each(odd)('by %s, after an answer', async (_what, bytes, expected) => {
    const client = new Client();
    client.send(get('/a'));
    await client.until(1);
    client.send(bytes);
    expect(await client.until(2)).toEqual(['</a>', expected]);
    client.send(get('/b'));
    expect((await client.until(3)).at(-1)).toBe('[/b ]');
  });

  test.each(odd)('by %s, wherever it is cut in two', async (_what, bytes, expected) => {
    const paths = new Set<string>();
    for (let at = 1; at < bytes.length; at += 1) {
      const client = new Client();
      client.send(get('/a') + bytes.slice(0, at));
      await client.until(1);
      client.send(bytes.slice(at) + get('/b'));
      for (const body of (await client.until(3)).slice(1)) paths.add(body);
      client.socket.destroy();
    }
    expect(paths).toEqual(new Set([expected, '[/b ]']));
  });

  test('by half a head, and hears of the rest there', async () => {
    const client = new Client();
    const head = get('/a');
    client.send(head.slice(0, 10));
    await waitFor(() => Promise.resolve(stage.handedOver() === 1 || undefined));
    client.send(head.slice(10));
    expect(await client.until(1)).toEqual(['[/a ]']);
  });

  test('by a body that no head told of', async () => {
    const client = new Client();
    client.send(`${get('/a')}abc`);
    expect((await client.until(1))[0]).toBe('</a>');
    client.send(get('/b'));
    expect((await client.until(2)).at(-1)).toBe('400 Bad Request');
    await client.closed;
  });

  test('with all that has come meanwhile', async () => {
    const client = new Client();
    const body = 'x'.repeat(300_000);
    client.send(get('/slow'));
    await waitFor(() => Promise.resolve(stage.served.length > 0 || undefined));
    client.send(`POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(client.bodies).toEqual([]);
    release.resolve();
    expect(await client.until(2)).toEqual(['</slow>', `[/p ${body}]`]);
  });
});

describe('a connection ends', () => {
  test('that never says anything', async () => {
    await reopen({ headerTimeoutMs: 50 });
    const client = new Client();
    await client.closed;
    await untilNone();
  });

  test('that says nothing any more, but not during an answer', async () => {
    await reopen({ headerTimeoutMs: 50, keepAliveTimeoutMs: 50 });
    const client = new Client();
    client.send(get('/slow'));
    await waitFor(() => Promise.resolve(stage.served.length > 0 || undefined));
    await new Promise((resolve) => setTimeout(resolve, 300));
    release.resolve();
    expect(await client.until(1)).toEqual(['</slow>']);
    await client.closed;
    await untilNone();
  });

  test.each([
    ['goes away', (socket: Socket) => socket.destroy()],
    ['breaks it off', (socket: Socket) => socket.resetAndDestroy()],
    ['ends its side', (socket: Socket) => socket.end()],
  ])('whose client %s in the middle of an answer', async (_what, end) => {
    const client = new Client();
    client.send(get('/slow') + get('/a'));
    await waitFor(() => Promise.resolve(stage.served.length > 0 || undefined));
    end(client.socket);
    await waitFor(() => Promise.resolve(stage.ends.length > 0 || undefined));
    release.resolve();
    await untilNone();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(stage.ends).toEqual([false]);
    expect(stage.served).toEqual(['/slow']);
  });

  test('after its answer, where its client has sent too much ahead', async () => {
    const [first, second] = [new Client(), new Client()];
    first.send(get('/slow') + get('/a'));
    await waitFor(() => Promise.resolve(stage.served.length === 1 || undefined));
    second.send(get('/slow') + get('/b'));
    await waitFor(() => Promise.resolve(stage.served.length === 2 || undefined));
    release.resolve();
    expect(await first.until(2)).toEqual(['</slow>', '</a>']);
    await second.closed;
    expect(second.bodies).toEqual(['</slow>']);
    first.send(get('/slow') + get('/c'));
    expect((await first.until(4)).at(-1)).toBe('</c>');
  });

  test('that is idle, when those are ended', async () => {
    const [idle, fresh, busy] = [new Client(), new Client(), new Client()];
    idle.send(get('/a'));
    busy.send(get('/slow'));
    await idle.until(1);
    await waitFor(() => Promise.resolve(stage.served.length === 2 || undefined));
    await waitFor(() => Promise.resolve(stage.bare.size === 3 || undefined));
    stage.bare.closeIdle();
    await idle.closed;
    // The new one may have its request on the way.
    await waitFor(() => Promise.resolve(stage.bare.size === 2 || undefined));
    stage.bare.closeIdle();
    await fresh.closed;
    release.resolve();
    expect(await busy.until(1)).toEqual(['</slow>']);
    stage.bare.destroy();
    await busy.closed;
    await untilNone();
  });
});
