/// <reference types="@fastly/js-compute" />
// Notes by name: `PUT /notes/milk` keeps the body, `GET /notes/milk` gives it back, `GET /` lists all.
import { ConfigStore } from 'fastly:config-store';
import { KVStore } from 'fastly:kv-store';

addEventListener('fetch', (event) => event.respondWith(answer(event.request)));

async function answer(request) {
  const { pathname } = new URL(request.url);
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (pathname === '/' && isRead) return list();
  const name = /^\/notes\/([\w-]{1,100})$/.exec(pathname)?.[1];
  if (name === undefined) return new Response('There is no such page.\n', { status: 404 });
  const store = new KVStore('notes');
  if (request.method === 'PUT') {
    await store.put(name, request.body ?? '');
    return new Response(null, { status: 204 });
  }
  if (!isRead) {
    const headers = { allow: 'GET, HEAD, PUT' };
    return new Response('A note is read by GET and kept by PUT.\n', { status: 405, headers });
  }
  const note = await store.get(name);
  if (note === null) return new Response('There is no such note.\n', { status: 404 });
  return new Response(note.body);
}

/** The page leaves note by note, while the next one is looked up. */
function list() {
  const store = new KVStore('notes');
  const title = new ConfigStore('settings').get('title');
  const encoder = new TextEncoder();
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(encoder.encode(`${title}\n\n`));
      const { list: names } = await store.list({});
      for (const name of names) {
        const note = await store.get(name);
        controller.enqueue(encoder.encode(`${name}: ${await note?.text()}\n`));
      }
      controller.close();
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/plain; charset=utf-8' } });
}
