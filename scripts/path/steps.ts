/** The steps that a stranger walks, each with what is to be seen. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { runProgram } from '../../test/commands/program.ts';
import { askAdmin, socketOf } from '../../test/support/admin.ts';
import { TestDaemon, waitFor } from '../../test/support/daemon.ts';
import { hostName, type Stage, see } from './stage.ts';

export async function deploy(stage: Stage): Promise<void> {
  stage.put('v1', 'hello.wasm');
  stage.write('terrafirma.toml', '[feedback]\nwrite = true\npublic = true\n');
  const reply = await waitFor(async () => {
    const answer = await stage.visit('/hello.wasm');
    return answer.status === 200 ? answer : undefined;
  });
  see('a copied module answers', true, reply.text);
}

/** Three places say why: the page, the folder, the command line. */
export async function findOutWhy(stage: Stage): Promise<void> {
  stage.write('broken.wasm', 'this is no module');
  const page = await waitFor(async () => {
    const answer = await stage.visit('/broken.wasm');
    return answer.status === 502 ? answer : undefined;
  });
  const hasId = page.text.includes(String(page.headers['x-request-id']));
  see('the page says that it is refused, and why', hasId, textOf(page.text));
  const status = stage.file('.terrafirma/node/status.json');
  const told = await waitFor(() => {
    if (!existsSync(status)) return undefined;
    const text = readFileSync(status, 'utf8');
    return text.includes('broken.wasm') ? text : undefined;
  });
  see('status.json in the folder says so', told.includes('"refused"'), told);
  const dns = ['--dns', `127.0.0.1:${stage.dns.port}`];
  const mount = ['--mount', `/keybase=${stage.mount.path('site')}`];
  const doctor = await stage.run('doctor', hostName, ...dns, ...mount);
  const next = /^Next: .*/m.exec(doctor.stdout)?.[0] ?? doctor.stdout;
  see('doctor says what to do next', next.includes('Replace broken.wasm'), next);
  const id = String(page.headers['x-request-id']);
  const logs = await stage.run('logs', '--request', id);
  see('the log has the request under its id', logs.stdout.includes(id), logs.stdout);
}

export async function rollBack(stage: Stage): Promise<void> {
  const before = (await stage.visit('/hello.wasm')).text;
  stage.put('v2', 'hello.wasm');
  const after = await waitFor(async () => {
    const { text } = await stage.visit('/hello.wasm');
    return text === before ? undefined : text;
  });
  see('an overwritten module answers anew', after !== before, `${before} became ${after}`);
  const done = await stage.run('rollback', `${hostName}/hello.wasm`);
  see('rollback is accepted', done.code === 0, `${done.stdout} ${done.stderr}`);
  const now = await waitFor(async () => {
    const { text } = await stage.visit('/hello.wasm');
    return text === before ? text : undefined;
  });
  see('and brings the earlier version back', true, now);
}

export async function ban(stage: Stage): Promise<void> {
  const banned = await stage.run('ban', hostName, '--reason', 'a test');
  const refused = await waitFor(async () => {
    const answer = await stage.visit('/hello.wasm');
    return answer.status === 403 ? answer : undefined;
  });
  see('a banned host is refused', banned.code === 0, `${refused.status} ${textOf(refused.text)}`);
  await stage.run('unban', hostName);
  const again = await waitFor(async () => {
    const answer = await stage.visit('/hello.wasm');
    return answer.status === 200 ? answer : undefined;
  });
  see('and let in again', true, String(again.status));
}

/** A backup while somebody writes; elsewhere nothing is missing that was answered before. */
export async function backUp(stage: Stage): Promise<void> {
  const module = `/v1/kv/${encodeURIComponent(stage.folderKey)}/hello.wasm`;
  const keyOf = (at: number): string => Buffer.from(`key ${at}`).toString('base64url');
  const write = async (at: number): Promise<void> => {
    const body = `value ${at}`;
    await askAdmin(socketOf(stage.daemon), `${module}/${keyOf(at)}`, { method: 'PUT', body });
  };
  let written = 0;
  let isOver = false;
  const writing = (async () => {
    for (; !isOver; written += 1) await write(written);
  })();
  await waitFor(() => (written >= 50 ? true : undefined));
  const before = written;
  const backup = path.join(stage.places, 'backup');
  const made = await stage.run('backup', backup);
  isOver = true;
  await writing;
  see('a backup is made while somebody writes', made.code === 0, made.stdout);
  const state = path.join(stage.places, 'elsewhere');
  const restored = await runProgram(['restore', backup, '--state', state]);
  see('it is restored elsewhere', restored.code === 0, restored.stdout);
  await using second = await TestDaemon.start({
    args: ['--config', stage.mount.path('config.toml')],
    stateDirectory: state,
  });
  const texts = await Promise.all(
    Array.from({ length: before }, async (_, at) => {
      const { text } = await askAdmin(socketOf(second), `${module}/${keyOf(at)}`);
      return text === `value ${at}`;
    }),
  );
  const kept = texts.filter((isKept) => isKept).length;
  see('nothing that was answered is lost', kept === before, `${kept} of ${before} keys`);
}

/** What a person reads of a page. */
function textOf(html: string): string {
  const [, main = html] = /<main>(.*)<\/main>/s.exec(html) ?? [];
  return main.replaceAll(/<[^>]+>/g, ' ');
}
