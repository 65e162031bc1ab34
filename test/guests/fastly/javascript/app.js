/// <reference types="@fastly/js-compute" />
// One handler a path; the programs in Rust and Go beside this one answer the same way.
import { SimpleCache } from 'fastly:cache';
import { purgeSurrogateKey, vCpuTime } from 'fastly:compute';
import { ConfigStore } from 'fastly:config-store';
import { env } from 'fastly:env';
import { KVStore } from 'fastly:kv-store';
import { Logger } from 'fastly:logger';
import { SecretStore } from 'fastly:secret-store';
import { createWebsocketHandoff } from 'fastly:websocket';

addEventListener('fetch', (event) => event.respondWith(answer(event)));

async function answer(event) {
  const url = new URL(event.request.url);
  const handler = handlers[url.pathname];
  if (handler === undefined) return new Response('no such path\n', { status: 404 });
  return await handler(event, url.searchParams);
}

const origin = (path, init = {}) =>
  fetch(`http://origin.test${path}`, { backend: 'origin', ...init });

const handlers = {
  '/hello': (_event, query) => new Response(`Hello, ${query.get('name') ?? 'world'}!\n`),

  '/echo': ({ request }) =>
    new Response(request.body, {
      headers: { 'x-method': request.method, 'x-asked': request.headers.get('x-ask') ?? '' },
    }),

  '/stream': () => {
    let count = 0;
    const body = new ReadableStream({
      async pull(controller) {
        if (count === 5) return controller.close();
        await new Promise((resolve) => setTimeout(resolve, 1));
        controller.enqueue(new TextEncoder().encode(`chunk ${count}\n`));
        count += 1;
      },
    });
    return new Response(body);
  },

  '/fan-out': async () => {
    const asked = Array.from({ length: 8 }, (_, at) => origin(`/item/${at}`));
    const texts = await Promise.all(asked.map(async (reply) => (await reply).text()));
    return new Response(texts.join(','));
  },

  '/pass': () => origin('/large'),

  '/kv': async ({ request }, query) => {
    const store = new KVStore('things');
    const key = query.get('key');
    if (request.method === 'PUT') {
      await store.put(key, await request.text());
      return new Response('kept\n');
    }
    if (request.method === 'DELETE') {
      await store.delete(key);
      return new Response('gone\n');
    }
    const entry = await store.get(key);
    if (entry === null) return new Response('none\n', { status: 404 });
    return new Response(entry.body);
  },

  '/config': (_event, query) => {
    const value = new ConfigStore('settings').get(query.get('key'));
    return new Response(value ?? 'none', { status: value === null ? 404 : 200 });
  },

  '/secret': async (_event, query) => {
    const entry = await new SecretStore('secrets').get(query.get('key'));
    return new Response(entry?.plaintext() ?? 'none', { status: entry === null ? 404 : 200 });
  },

  '/cookies': ({ request }) => {
    const headers = new Headers();
    headers.append('set-cookie', 'a=1; Path=/');
    headers.append('set-cookie', 'b=2; HttpOnly');
    return new Response(request.headers.get('cookie') ?? '', { headers });
  },

  '/gzip': async () => {
    const reply = await origin('/gzip', { fastly: { decompressGzip: true } });
    const coding = reply.headers.get('content-encoding') ?? 'none';
    return new Response(`${coding}: ${await reply.text()}`);
  },

  '/cache': async (_event, query) => {
    const entry = await SimpleCache.getOrSet(query.get('key'), async () => {
      const reply = await origin('/count', { cacheOverride: undefined });
      return { value: await reply.text(), ttl: 60 };
    });
    return new Response(await entry.text());
  },

  '/kept': async () => {
    await origin('/arrive', { cacheOverride: 'pass' });
    return origin('/kept');
  },

  '/purge': (_event, query) => {
    purgeSurrogateKey('kept', query.get('soft') !== null);
    return new Response('purged\n');
  },

  '/hints': (event) => {
    event.sendEarlyHints({ link: '</a.css>; rel=preload' });
    return new Response('after hints\n');
  },

  '/framed': () => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('framed'));
        controller.close();
      },
    });
    return new Response(body, { manualFramingHeaders: true, headers: { 'content-length': '6' } });
  },

  '/used': () => Response.json({ cpuMs: vCpuTime() }),

  '/websocket': ({ request }) => createWebsocketHandoff(request, 'origin'),

  '/panic': () => {
    throw new Error('asked to panic');
  },

  '/after': (event) => {
    const later = async () => {
      await origin('/after');
    };
    event.waitUntil(later());
    return new Response('answered\n');
  },

  '/log': () => {
    new Logger('things').log('told to the endpoint');
    console.log('told to the console');
    return new Response('told\n');
  },

  '/about': ({ client }) =>
    Response.json({
      address: client.address,
      hostname: env('FASTLY_HOSTNAME'),
      version: env('FASTLY_SERVICE_VERSION'),
      trace: env('FASTLY_TRACE_ID'),
      protocol: client.tlsProtocol,
      cipher: client.tlsCipherOpensslName,
      ja3: client.tlsJA3MD5,
      ja4: client.tlsJA4,
      h2: client.h2Fingerprint,
    }),
};
