/** The contract over NATS: one server, and three that keep three copies. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe } from 'vitest';
import type { NatsStore } from '../../../../src/outside/store/nats/nats-store.ts';
import { NatsServers, natsProgram } from '../../../support/nats-servers.ts';
import { describeContract } from '../contract.ts';
import type { Installation } from '../contract-words.ts';
import { openNatsStore, settingsOf } from './world.ts';

for (const count of [1, 3] as const) {
  describe.skipIf(natsProgram === undefined)(`${count} servers`, () => {
    let servers: NatsServers;
    let installations = 0;

    beforeAll(async () => {
      servers = await NatsServers.start({ count });
    });

    afterAll(() => servers?.close());

    describeContract(`NATS, ${count} copies`, async () => {
      installations += 1;
      const name = `t${installations}`;
      const settings = settingsOf(servers.urls, { name, replicas: count });
      const opened: NatsStore[] = [];
      // Streams that have just been made have no leader for some seconds.
      const beReady = async (): Promise<void> => {
        const first = openNatsStore(settings);
        opened.push(first);
        await first.engine.openWithin(60_000, () => 'no answer');
      };
      await beReady();
      const close = async (): Promise<void> => {
        await Promise.all(opened.splice(0).map((store) => store.close()));
      };
      const installation: Installation = {
        isFollowing: true,
        connect(options) {
          const store = openNatsStore(settings, options);
          opened.push(store);
          return store;
        },
        async restart() {
          await close();
          await servers.restart();
          await beReady();
        },
        async increment(space, key, times) {
          const script = new URL('./increment-process.ts', import.meta.url).pathname;
          const given = [...[servers.urls.join(','), name, String(count)], space.area, space.name];
          const processes = Array.from({ length: 3 }, () =>
            spawn(process.execPath, [script, ...given, key, String(times)], { stdio: 'inherit' }),
          );
          const exits = await Promise.all(processes.map((each) => once(each, 'exit')));
          if (exits.some(([code]) => code !== 0)) throw new Error('a process did not end well');
          return { counted: 3 * times };
        },
        end: close,
      };
      return installation;
    });
  });
}
