/**
 * The other side of `threads.ts`, in a thread of the daemon: begins to watch and ends when it is
 * told to. Touches the directory that an environment variable names.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread, threadId, threadName } from 'node:worker_threads';

const lookMs = 100;

export interface ThreadWatch {
  /** What was seen, as it is written to the file of the thread. */
  end(): unknown;
}

/** How the thread is called in what is told. */
export function ownName(): string {
  return isMainThread ? 'control' : `${threadName} ${threadId}`;
}

/** Not in the processes that the daemon starts to try modules. */
export function watchOwnThread(
  variable: string,
  begin: () => ThreadWatch | Promise<ThreadWatch>,
): void {
  const directory = process.env[variable];
  const isDaemon = !isMainThread || process.argv.includes('serve');
  if (directory !== undefined && isDaemon) watchIn(directory, begin);
}

function watchIn(directory: string, begin: () => ThreadWatch | Promise<ThreadWatch>): void {
  const mark = join(directory, 'on');
  const own = join(directory, `${process.pid}-${threadId}`);
  writeFileSync(`${own}.known`, '');
  let watch: ThreadWatch | undefined;
  let isBusy = false;
  const look = async (): Promise<void> => {
    if (existsSync(mark) === (watch !== undefined)) return;
    if (watch === undefined) {
      watch = await begin();
      writeFileSync(`${own}.begun`, '');
      return;
    }
    const seen = await watch.end();
    watch = undefined;
    writeFileSync(`${own}.json`, JSON.stringify(seen));
  };
  setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    void look().finally(() => {
      isBusy = false;
    });
  }, lookMs).unref();
}
