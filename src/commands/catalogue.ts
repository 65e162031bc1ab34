/**
 * The commands there are, in the order of the help. Each is loaded when it is asked for: showing a
 * version must not load a DNS client.
 */
import type { Command } from './command.ts';

const loaders: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ['serve', async () => (await import('./serve.ts')).serve],
  ['new', async () => (await import('./project/new.ts')).newProject],
  ['build', async () => (await import('./project/build.ts')).build],
  ['dev', async () => (await import('./dev/dev.ts')).dev],
  ['doctor', async () => (await import('./check/check.ts')).doctor],
  ['check', async () => (await import('./check/check.ts')).check],
  ['inspect', async () => (await import('./inspect/inspect.ts')).inspect],
  ['run', async () => (await import('./run/run.ts')).run],
  ['versions', async () => (await import('./versions/versions.ts')).versions],
  ['rollback', async () => (await import('./versions/rollback.ts')).rollback],
  ['accept', async () => (await import('./cluster/accept.ts')).accept],
  ['release', async () => (await import('./versions/release.ts')).release],
  ['status', async () => (await import('./admin/status.ts')).status],
  ['top', async () => (await import('./admin/top.ts')).top],
  ['logs', async () => (await import('./admin/logs.ts')).logs],
  ['dashboard', async () => (await import('./admin/dashboard.ts')).dashboard],
  ['sign-in', async () => (await import('./admin/sign-in.ts')).signIn],
  ['ban', async () => (await import('./admin/bans.ts')).ban],
  ['unban', async () => (await import('./admin/bans.ts')).unban],
  ['kv', async () => (await import('./admin/kv.ts')).kv],
  ['reload', async () => (await import('./admin/reload.ts')).reload],
  ['backup', async () => (await import('./admin/backup.ts')).backup],
  ['restore', async () => (await import('./admin/backup.ts')).restore],
  ['cluster', async () => (await import('./cluster/cluster.ts')).cluster],
  ['secret', async () => (await import('./secret/secret.ts')).secret],
  ['completion', async () => (await import('./completion/completion.ts')).completion],
  ['config', async () => (await import('./config/config.ts')).config],
]);

export const commandNames: readonly string[] = [...loaders.keys()];

/** Undefined when there is no command of that name. */
export async function loadCommand(name: string): Promise<Command | undefined> {
  return loaders.get(name)?.();
}

/** All of them, for help and checks. */
export function loadCommands(): Promise<readonly Command[]> {
  return Promise.all([...loaders.values()].map((load) => load()));
}
