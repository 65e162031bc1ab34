import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';
import { randomCaller } from '../random-calls.ts';

/** What the texts name that the program calls with. */
const settings = `manifest_version = 3
[local_server.backends.back]
url = "http://back.example"
[local_server.config_stores.store]
format = "inline-toml"
contents = { key = "value" }
[[local_server.kv_stores.store]]
key = "key"
data = "value"
[[local_server.secret_stores.store]]
key = "key"
data = "value"
[local_server.geolocation]
format = "inline-toml"
[local_server.geolocation.addresses."192.0.2.1"]
as_name = "one"
`;
/** Many of the calls wait for what never comes: a run that does is over soon. */
const limits = '[limits]\nwall_ms = "1 s"\n';
const BODY = 'the body of the visitor';

/** All that a guest can ask of the host, in no order and with any argument. */
export const randomCalls: Attack = {
  name: 'random-calls',
  what: 'all functions of Fastly Compute at random, 400 a run, in four folders, 64 connections',
  async prepare(stage) {
    const module = await randomCaller();
    for (const folder of ['a', 'b', 'c', 'd']) {
      stage.put('mallory', `${folder}/index.wasm`, module);
      stage.put('mallory', `${folder}/fastly.toml`, settings);
      stage.put('mallory', `${folder}/terrafirma.toml`, limits);
      stage.name(`${folder}.mallory.example`, 'mallory', folder);
    }
  },
  attack: ({ port }, signal) =>
    flood(
      (count) => ({
        port,
        host: `${'abcd'.charAt(count % 4)}.mallory.example`,
        path: `/${count % 100}`,
        method: 'POST',
        body: BODY,
      }),
      { connections: 64, clients: 16, signal },
    ),
};
