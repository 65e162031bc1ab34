// Greets whom the query names, and counts in a variable that each request finds new.
let requests = 0;

addEventListener('fetch', (event) => event.respondWith(greet(event.request)));

async function greet(request) {
  requests += 1;
  const { searchParams } = new URL(request.url);
  const name = searchParams.get('name') ?? 'world';
  return new Response(`Hello ${name}, request ${requests} of this instance\n`);
}
