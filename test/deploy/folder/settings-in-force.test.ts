import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../src/config/config.ts';
import type { SiteTexts } from '../../../src/deploy/common/folder-texts.ts';
import type { FastlyState } from '../../../src/deploy/folder/fastly-file.ts';
import type { SettingsState } from '../../../src/deploy/folder/settings-file.ts';
import { SettingsInForce } from '../../../src/deploy/folder/settings-in-force.ts';
import { TerrafirmaError } from '../../../src/errors.ts';
import type { FolderKey } from '../../../src/names.ts';
import { type SecretPlace, seal } from '../../../src/outside/secrets/sealed.ts';
import { SealingKeys } from '../../../src/outside/secrets/sealing-keys.ts';
import { parseSettings } from '../../../src/site/settings.ts';
import { read as readFastly } from '../../site/fastly/read.ts';
import { LogBook, Scratch } from '../world.ts';

const folderKey = '/keybase/private/alice,bot' as FolderKey;

const noFastly: FastlyState = { kind: 'none', paths: [] };

function stateOf(text: string): SettingsState {
  const value = parseSettings(Buffer.from(text), 1e6, { areNamesLater: true });
  return { kind: 'good', value, text };
}

describe('SettingsInForce', () => {
  let scratch: Scratch;
  let sealingKeys: SealingKeys;
  let journal: LogBook;
  let inForce: SettingsInForce;
  let sown: { count: number; isDone: boolean };

  beforeEach(() => {
    scratch = new Scratch();
    sown = { count: 0, isDone: true };
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
      seeds: {
        sow: async () => {
          sown.count += 1;
          return { notes: [], isDone: sown.isDone };
        },
      },
    });
  });
  afterEach(() => scratch[Symbol.dispose]());

  async function sealed(value: string, place: Partial<SecretPlace> & { name: string }) {
    const { publicKey } = await sealingKeys.newest();
    const whole = { folderKey, modulePath: undefined, store: undefined, ...place };
    return seal(publicKey, Buffer.from(value), whole);
  }

  const take = (state: SettingsState, fastly: FastlyState = noFastly, texts?: SiteTexts) =>
    inForce.take(state, fastly, texts);
  const settingsNow = () => (inForce.state.kind === 'good' ? inForce.state.value : undefined);

  test('what was set on all nodes stands over what the file says, name by name', async () => {
    const state = stateOf('[config]\nA = "file"\nB = "file"\n[secrets.vault]\nA = "file"');
    const texts: SiteTexts = {
      configStores: new Map([['default', new Map([['A', 'set']])]]),
      secretStores: new Map([
        ['vault', new Map([['B', 'set']])],
        ['other', new Map([['A', 'set']])],
      ]),
    };
    const now = () => {
      const { configStores, secretStores } = settingsNow() ?? {};
      return { config: asObject(configStores), secrets: asObject(secretStores) };
    };
    await take(state, noFastly, texts);
    expect(now()).toEqual({
      config: { default: { A: 'set', B: 'file' } },
      secrets: { vault: { A: 'file', B: 'set' }, other: { A: 'set' } },
    });
    await take(state, noFastly, { configStores: new Map(), secretStores: new Map() });
    expect(now()).toEqual({
      config: { default: { A: 'file', B: 'file' } },
      secrets: { vault: { A: 'file' } },
    });
  });

  function asObject(stores: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map()): object {
    return Object.fromEntries(
      [...stores].map(([name, texts]) => [name, Object.fromEntries(texts)]),
    );
  }

  test('opens secrets of stores and of modules, and leaves plain ones', async () => {
    await take(
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
    expect(inForce.refusalOf('a.wasm', 'wasip1')).toBeUndefined();
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
    await take(stateOf(text));
    await take(stateOf(text));
    expect(inForce.refusalOf('other.wasm', 'wasip1')).toEqual({
      code: 'secret-unreadable',
      detail:
        'Cannot run the module: the sealed secret secrets.vault.A does not open: it was sealed ' +
        'for another folder, module or name; seal it again',
    });
    expect(inForce.refusalOf('own.wasm', 'wasip1')?.detail).toContain(
      '"own.wasm".secrets.B does not open',
    );
    expect(inForce.refusalOf('free.wasm', 'wasip1')).toBeUndefined();
    expect(journal.entries.map(({ kind }) => kind)).toEqual(['settings-noted', 'settings-noted']);
    expect(JSON.stringify(journal.entries)).not.toContain(moved);
  });

  test('follows the keys: retired ones stop, and new ones open', async () => {
    const state = stateOf(`[secrets]\nA = "${await sealed('one', { name: 'A' })}"`);
    await take(state);
    const before = settingsNow();
    await take(state);
    expect(settingsNow()).toBe(before);
    await new SealingKeys(scratch.directory).rotate(true);
    await take(state);
    expect(inForce.refusalOf('a.wasm', 'wasip1')?.detail).toContain(
      'its key is not, or not any more',
    );
    await take(stateOf(`[secrets]\nA = "${await sealed('two', { name: 'A' })}"`));
    expect(inForce.refusalOf('a.wasm', 'wasip1')).toBeUndefined();
  });

  test('keys that cannot be read are told, and stop only what needs them', async () => {
    const state = stateOf(`[secrets]\nA = "${await sealed('one', { name: 'A' })}"`);
    writeFileSync(scratch.path('sealing.json'), 'no');
    await take(state);
    await take(state);
    expect(inForce.refusalOf('a.wasm', 'wasip1')?.detail).toContain(
      'this daemon cannot read its keys',
    );
    const told = journal.entries.map(({ kind }) => kind);
    expect(told).toEqual(['sealing-keys-not-read', 'settings-noted']);
    await take(stateOf('[env]'));
    expect(inForce.refusalOf('a.wasm', 'wasip1')).toBeUndefined();
  });

  test('values above the ceilings are lowered and told once', async () => {
    const text = '[limits]\ncpu_ms = 5000';
    await take(stateOf(text));
    await take(stateOf(text));
    expect(settingsNow()?.general.limits).toEqual({ cpuMs: 1_000 });
    expect(journal.entries).toHaveLength(1);
    expect(journal.matching(/warn.*limits.cpu_ms is 1000 ms/)).toHaveLength(1);
  });

  test('a broken file stays broken', async () => {
    const broken: SettingsState = { kind: 'broken', error: new Error('x') as never, text: '' };
    await take(broken);
    expect(inForce.state).toBe(broken);
    expect(inForce.refusalOf('a.wasm', 'wasip1')).toBeUndefined();
  });

  describe('with a fastly.toml', () => {
    const good = (text: string): FastlyState => {
      return { kind: 'good', settings: readFastly(text), paths: ['data/x.json'] };
    };

    test('has what both say, and keeps the files that are named from visitors', async () => {
      await take(
        stateOf('["a.wasm".grants]\nkv = ["notes"]'),
        good('[local_server.kv_stores]\nnotes = []'),
      );
      expect(settingsNow()?.keyValueStores).toEqual(['notes']);
      expect(settingsNow()?.privateFiles).toEqual([
        { segments: ['data', 'x.json'], isBelow: false },
      ]);
    });

    test('a name that neither file has closes the folder, with its line', async () => {
      const state = stateOf('\n["a.wasm".grants]\nkv = ["note"]');
      await take(state, good('[local_server.kv_stores]\nnotes = []'));
      const { state: closed } = inForce;
      expect(closed).toMatchObject({ kind: 'broken', error: { code: 'bad-settings' } });
      expect(closed.kind === 'broken' && closed.error.message).toContain('terrafirma.toml:3');
      await take(state, good('[local_server.kv_stores]\nnote = []'));
      expect(inForce.state.kind).toBe('good');
    });

    test('that is wrong or unread stops what is written for it, and nothing else', async () => {
      const error = new TerrafirmaError('bad-settings', 'fastly.toml:3: wrong');
      await take(stateOf('[grants]\nkv = ["note"]'), { kind: 'broken', error, paths: ['s.pem'] });
      expect(inForce.refusalOf('a.wasm', 'fastly')?.detail).toContain('fastly.toml:3');
      expect(inForce.refusalOf('a.wasm', 'wasip1')).toBeUndefined();
      expect(inForce.state.kind).toBe('good');
      expect(settingsNow()?.privateFiles).toEqual([{ segments: ['s.pem'], isBelow: false }]);
      expect(journal.matching(/fastly.toml:3/)).toHaveLength(1);
      await take(stateOf('[env]'), { kind: 'unread', paths: [] });
      expect(inForce.refusalOf('a.wasm', 'fastly')?.code).toBe('no-verdict');
      await take(stateOf('[env]'));
      expect(inForce.refusalOf('a.wasm', 'fastly')).toBeUndefined();
    });

    test('opens sealed secrets of it', async () => {
      const text = await sealed('hunter2', { name: 'A', store: 'vault' });
      await take(
        stateOf('[env]'),
        good(`[[local_server.secret_stores.vault]]\nkey = "A"\ndata = "${text}"`),
      );
      expect(settingsNow()?.secretStores?.get('vault')?.get('A')).toBe('hunter2');
    });

    test('is taken again while its stores cannot be reached', async () => {
      sown.isDone = false;
      const fastly = good('[local_server.kv_stores]\nnotes = []');
      const state = stateOf('[env]');
      await take(state, fastly);
      await take(state, fastly);
      sown.isDone = true;
      await take(state, fastly);
      await take(state, fastly);
      expect(sown.count).toBe(3);
    });
  });
});
