import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import type { SettingsState } from '../../../src/deploy/folder/settings-file.ts';
import { SettingsInForce } from '../../../src/deploy/folder/settings-in-force.ts';
import type { FolderKey } from '../../../src/names.ts';
import { type SecretPlace, seal } from '../../../src/outside/secrets/sealed.ts';
import { SealingKeys } from '../../../src/outside/secrets/sealing-keys.ts';
import { parseSettings } from '../../../src/site/settings.ts';
import { LogBook, Scratch } from '../world.ts';

const folderKey = '/keybase/private/alice,bot' as FolderKey;

function stateOf(text: string): SettingsState {
  return { kind: 'good', value: parseSettings(Buffer.from(text), 1e6), text };
}

describe('SettingsInForce', () => {
  let scratch: Scratch;
  let sealingKeys: SealingKeys;
  let journal: LogBook;
  let inForce: SettingsInForce;

  beforeEach(() => {
    scratch = new Scratch();
    sealingKeys = new SealingKeys(scratch.directory);
    journal = new LogBook();
    inForce = new SettingsInForce(folderKey, {
      ceilings: {
        limits: defaultLimits,
        grants: { outbound: 'public', keyValue: true, files: true },
      },
      sealingKeys,
      botUser: 'bot',
      journal,
    });
  });
  afterEach(() => scratch[Symbol.dispose]());

  async function sealed(value: string, place: Partial<SecretPlace> & { name: string }) {
    const { publicKey } = await sealingKeys.newest();
    const whole = { folderKey, modulePath: undefined, store: undefined, ...place };
    return seal(publicKey, Buffer.from(value), whole);
  }

  const settingsNow = () => (inForce.state.kind === 'good' ? inForce.state.value : undefined);

  test('opens secrets of stores and of modules, and leaves plain ones', async () => {
    await inForce.take(
      stateOf(`
        [secrets]
        A = "${await sealed('one', { name: 'A' })}"
        B = "plain"
        [secrets.vault]
        A = "${await sealed('two', { name: 'A', store: 'vault' })}"
        ["a.wasm".secrets]
        A = "${await sealed('drei ü', { name: 'A', modulePath: 'a.wasm' })}"
      `),
    );
    const { secretStores, modules } = settingsNow() ?? {};
    expect(secretStores?.get('default')).toEqual(
      new Map([
        ['A', 'one'],
        ['B', 'plain'],
      ]),
    );
    expect(secretStores?.get('vault')?.get('A')).toBe('two');
    expect(modules?.get('a.wasm' as never)?.secrets?.get('A')).toBe('drei ü');
    expect(inForce.refusalOf('a.wasm')).toBeUndefined();
    expect(journal.entries).toEqual([]);
  });

  test('a secret that does not open stops those who would have it, and is told once', async () => {
    const moved = await sealed('hunter2', { name: 'OTHER' });
    const text = `
      [secrets.vault]
      A = "${moved}"
      ["own.wasm".secrets]
      B = "${moved}"
      ["own.wasm".grants]
      secrets = ["default"]
      ["free.wasm".grants]
      secrets = []
    `;
    await inForce.take(stateOf(text));
    await inForce.take(stateOf(text));
    expect(inForce.refusalOf('other.wasm')).toEqual({
      code: 'secret-unreadable',
      detail:
        'Cannot run the module: the sealed secret secrets.vault.A does not open: it was sealed ' +
        'for another folder, module or name; seal it again',
    });
    expect(inForce.refusalOf('own.wasm')?.detail).toContain('"own.wasm".secrets.B does not open');
    expect(inForce.refusalOf('free.wasm')).toBeUndefined();
    expect(journal.entries.map(({ kind }) => kind)).toEqual(['settings-noted', 'settings-noted']);
    expect(JSON.stringify(journal.entries)).not.toContain(moved);
  });

  test('follows the keys: retired ones stop, and new ones open', async () => {
    const state = stateOf(`[secrets]\nA = "${await sealed('one', { name: 'A' })}"`);
    await inForce.take(state);
    const before = settingsNow();
    await inForce.take(state);
    expect(settingsNow()).toBe(before);
    await new SealingKeys(scratch.directory).rotate(true);
    await inForce.take(state);
    expect(inForce.refusalOf('a.wasm')?.detail).toContain('its key is not, or not any more');
    await inForce.take(stateOf(`[secrets]\nA = "${await sealed('two', { name: 'A' })}"`));
    expect(inForce.refusalOf('a.wasm')).toBeUndefined();
  });

  test('keys that cannot be read are told, and stop only what needs them', async () => {
    const state = stateOf(`[secrets]\nA = "${await sealed('one', { name: 'A' })}"`);
    writeFileSync(scratch.path('sealing.json'), 'no');
    await inForce.take(state);
    await inForce.take(state);
    expect(inForce.refusalOf('a.wasm')?.detail).toContain('this daemon cannot read its keys');
    const told = journal.entries.map(({ kind }) => kind);
    expect(told).toEqual(['sealing-keys-not-read', 'settings-noted']);
    await inForce.take(stateOf('[env]'));
    expect(inForce.refusalOf('a.wasm')).toBeUndefined();
  });

  test('values above the ceilings are lowered and told once', async () => {
    const text = '[limits]\ncpu_ms = 5000';
    await inForce.take(stateOf(text));
    await inForce.take(stateOf(text));
    expect(settingsNow()?.general.limits).toEqual({ cpuMs: 1_000 });
    expect(journal.entries).toHaveLength(1);
    expect(journal.matching(/warn.*limits.cpu_ms is 1000 ms/)).toHaveLength(1);
  });

  test('a broken file stays broken', async () => {
    const broken: SettingsState = { kind: 'broken', error: new Error('x') as never, text: '' };
    await inForce.take(broken);
    expect(inForce.state).toBe(broken);
    expect(inForce.refusalOf('a.wasm')).toBeUndefined();
  });
});
