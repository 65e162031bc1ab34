/** Restarts under load, as a test and `scripts/restarts.ts` do them. */
import { waitFor } from '../../test/support/daemon.ts';
import { TestFolder } from '../../test/support/folder.ts';
import { echoGuest } from '../../test/support/websocket-guests.ts';
import { kinds, Load, visitAll } from './clients.ts';
import { SupervisedDaemon } from './supervised.ts';

export interface Rounds {
  readonly restarts: number;
  /** Visitors of each kind. */
  readonly clients: number;
  /** Answers of each kind between two restarts. */
  readonly answersMin: number;
}

/** What the visitors have seen. */
export async function restartUnderLoad(rounds: Rounds): Promise<Load> {
  using folder = new TestFolder();
  folder.put('hello');
  folder.put('echo');
  folder.write('talk.wasm', await echoGuest());
  folder.write('terrafirma.toml', '["talk.wasm"]\ncgi.text_plain = true\n');
  const load = new Load();
  await using daemon = await SupervisedDaemon.start(folder.directory);
  await daemon.ready();
  // Before their verdict modules are answered 503.
  for (const name of ['hello', 'echo', 'talk']) {
    const url = `http://127.0.0.1:${daemon.target.port}/${name}.wasm`;
    await waitFor(async () => ((await fetch(url)).status === 503 ? undefined : true), 120_000);
  }
  const visitors = kinds.flatMap((kind) =>
    Array.from({ length: rounds.clients }, () => visitAll(kind, daemon.target, load)),
  );
  try {
    for (let restart = 0; restart < rounds.restarts; restart += 1) {
      const before = new Map(load.answered);
      await waitFor(() => {
        const isEnough = kinds.every(
          (kind) => (load.answered.get(kind) ?? 0) - (before.get(kind) ?? 0) >= rounds.answersMin,
        );
        return isEnough || load.failed.length > 0 ? true : undefined;
      }, 120_000);
      // By the admin listener it is the same as by the signal.
      await daemon.restart(restart === 0 ? 'verb' : 'signal');
    }
    await daemon.ready();
  } finally {
    load.isOver = true;
    await Promise.all(visitors);
  }
  return load;
}
