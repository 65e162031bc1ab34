import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runProgram } from '../commands/program.ts';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { environmentGuest } from '../support/environment-guest.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

const value = 'hunter2-nobody-knows';

test('a sealed secret reaches its module alone, and stands nowhere in plain text', async () => {
  using folder = new TestFolder();
  for (const name of ['environment', 'free']) {
    folder.write(`${name}.wasm`, await environmentGuest());
  }
  const args = [folder.directory, '--quiet-ms', '20', '--poll-ms', '50'];
  await using daemon = await TestDaemon.start({ args });
  const { text: keyText } = await ask(daemon.port, '/.well-known/terrafirma-sealing-key');
  const key = JSON.parse(keyText);
  const publicKey = Buffer.from(key.publicKey, 'base64url');
  const fingerprint = createHash('sha256').update(publicKey).digest('hex');
  // The path of a folder of this machine is nobody's to know.
  expect(key).toEqual({ version: 1, id: fingerprint.slice(0, 8), publicKey: key.publicKey });

  const sealed = await runProgram(
    ['secret', 'seal', 'API_KEY', '--to', daemon.url, '--folder', folder.directory],
    { input: value },
  );
  expect(sealed.stderr).toContain(fingerprint);
  folder.write('terrafirma.toml', `[secrets]\n${sealed.stdout}`);
  await waitFor(async () => {
    const reply = await ask(daemon.port, '/environment.wasm');
    return reply.text.includes(`API_KEY=${value}`) ? true : undefined;
  });

  // Under another name it does not open: that is the matter of those who would have it.
  const moved = sealed.stdout.replace('API_KEY', 'OTHER');
  const grants = '["free.wasm".grants]\nsecrets = []\n';
  folder.write('terrafirma.toml', `[secrets]\n${moved}${grants}`);
  const refused = await waitFor(async () => {
    const reply = await ask(daemon.port, '/environment.wasm');
    return reply.status === 503 ? reply : undefined;
  });
  expect(refused.text).toContain('the sealed secret secrets.OTHER does not open');
  expect((await ask(daemon.port, '/free.wasm')).status).toBe(200);
  await daemon.waitForLog((line) => line.event === 'settings-noted');

  await daemon.stop();
  expect(daemon.log.filter((line) => line.event === 'settings-noted')).toHaveLength(1);
  expect(JSON.stringify(daemon.log)).not.toContain(value);
  for (const file of filesBelow(daemon.stateDirectory)) {
    expect(readFileSync(file).includes(value), file).toBe(false);
  }
});

function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((file) => statSync(file).isFile());
}
