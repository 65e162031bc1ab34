/**
 * What of a folder's `terrafirma.toml` and `fastly.toml` holds here: together, lowered to the
 * operator's ceilings, with sealed secrets open. What does not open stops the modules that would
 * have it, and a wrong `fastly.toml` those that are written for it, and nothing else.
 */
import { type ErrorRecord, TerrafirmaError, toErrorRecord } from '../../errors.ts';
import type { Journal } from '../../journal/journal.ts';
import { type FolderKey, quoteReceived } from '../../names.ts';
import type { SecretPlace } from '../../outside/secrets/sealed.ts';
import type { SealingKeys, Unopened } from '../../outside/secrets/sealing-keys.ts';
import { mergeFastly, withPrivate } from '../../site/fastly/merge.ts';
import { type Ceilings, lower } from '../../site/settings/ceilings.ts';
import { describeExposed, sealedStart } from '../../site/settings/exposed.ts';
import { withVariables } from '../../site/settings/override.ts';
import type { SiteSettings } from '../../site/settings/site-settings.ts';
import { defaultStore, type TextStores } from '../../site/settings/stores.ts';
import { grantsFor, isGranted, requireNames } from '../../site/settings.ts';
import type { SiteTexts } from '../common/folder-texts.ts';
import type { FastlyState } from './fastly-file.ts';
import type { Sown, StoreSeeds } from './seeds.ts';
import type { SettingsState } from './settings-file.ts';

export interface InForceParts {
  readonly ceilings: Ceilings;
  readonly sealingKeys: Pick<SealingKeys, 'open' | 'stamp'>;
  readonly botUser: string | undefined;
  readonly journal: Journal;
  readonly seeds: Pick<StoreSeeds, 'sow'>;
  /** What whoever serves the folder gives its programs; left out: nothing. */
  readonly variables?: ReadonlyMap<string, string>;
}

/** A secret that does not open, and who would have it. */
export interface UnreadableSecret {
  /** Undefined: every module that is granted the store. */
  readonly modulePath: string | undefined;
  readonly store: string;
  readonly error: ErrorRecord;
}

/** As `abi/catalogue.ts` calls it. */
const fastlyAbi = 'fastly';

const nothingSown: Sown = { notes: [], isDone: true };

type Closed = Unopened | 'no-keys';
type Open = (text: string, place: SecretPlace) => Promise<Uint8Array | Closed>;

/** What the two files said, and an operator for all nodes. */
interface Said {
  readonly state: SettingsState;
  readonly fastly: FastlyState;
  readonly texts: SiteTexts | undefined;
}

interface Opened {
  readonly settings: SiteSettings;
  readonly unreadable: readonly UnreadableSecret[];
}

const reasons: Readonly<Record<Closed, string>> = {
  malformed: 'it is no whole sealed text',
  'no-keys': 'this daemon cannot read its keys',
  'unknown-key': 'its key is not, or not any more, that of this daemon; seal it again',
  'other-place': 'it was sealed for another folder, module or name; seal it again',
};

export class SettingsInForce {
  readonly #parts: InForceParts;
  readonly #folderKey: FolderKey;
  #taken: (Said & { readonly stamp: string }) | undefined;
  #merged: (Said & { readonly merged: Merged | undefined }) | undefined;
  #fastlyRefusal: ErrorRecord | undefined;
  #state: SettingsState = { kind: 'unknown' };
  #unreadable: readonly UnreadableSecret[] = [];
  #told = '';

  constructor(folderKey: FolderKey, parts: InForceParts) {
    this.#folderKey = folderKey;
    this.#parts = parts;
  }

  /** As the file's, with what is in force as its value. */
  get state(): SettingsState {
    return this.#state;
  }

  /** Why a module cannot run with these settings; undefined when it can. */
  refusalOf(modulePath: string, abi: string): ErrorRecord | undefined {
    if (this.#fastlyRefusal !== undefined && abi === fastlyAbi) return this.#fastlyRefusal;
    if (this.#unreadable.length === 0 || this.#state.kind !== 'good') return undefined;
    const { secrets: granted } = grantsFor(this.#state.value, modulePath);
    return this.#unreadable.find(
      (each) =>
        (each.modulePath === undefined || each.modulePath === modulePath) &&
        isGranted(granted, each.store),
    )?.error;
  }

  /**
   * Takes what the files say now. Costs little while neither they nor the keys change.
   *
   * @param texts What was set for the folder on all nodes: it stands over what the files say.
   */
  async take(state: SettingsState, fastly: FastlyState, texts?: SiteTexts): Promise<void> {
    const merged = this.#mergedOf({ state, fastly, texts });
    const isSealed = merged !== undefined && hasSealed(merged.settings);
    const stamp = isSealed ? await this.#stampOfKeys() : '';
    const taken = this.#taken;
    const isSame = taken !== undefined && isSameSaid(taken, { state, fastly, texts });
    if (isSame && taken.stamp === stamp) return;
    this.#fastlyRefusal = refusalBy(fastly);
    if (state.kind !== 'good' || merged?.fault !== undefined) {
      this.#unreadable = [];
      this.#state =
        state.kind === 'good' && merged?.fault !== undefined
          ? { kind: 'broken', error: merged.fault, text: state.text ?? '' }
          : state;
    } else if (merged !== undefined) {
      const isDone = await this.#takeGood(state, merged.settings, { fastly, isSealed });
      if (!isDone) {
        this.#taken = undefined;
        return;
      }
    }
    this.#taken = { state, fastly, texts, stamp };
  }

  /** The same object while nothing of it changes. */
  #mergedOf(said: Said): Merged | undefined {
    const known = this.#merged;
    if (known !== undefined && isSameSaid(known, said)) return known.merged;
    const { fastly, state, texts } = said;
    const merged =
      state.kind === 'good' ? this.#withVariables(mergeOf(state, fastly, texts)) : undefined;
    this.#merged = { ...said, merged };
    return merged;
  }

  #withVariables({ fault, settings }: Merged): Merged {
    const { variables } = this.#parts;
    return {
      fault,
      settings: variables === undefined ? settings : withVariables(settings, variables),
    };
  }

  /** Whether that is all; false: it is to be taken again. */
  async #takeGood(
    state: Extract<SettingsState, { kind: 'good' }>,
    merged: SiteSettings,
    { fastly, isSealed }: { readonly fastly: FastlyState; readonly isSealed: boolean },
  ): Promise<boolean> {
    const { ceilings, seeds } = this.#parts;
    const { settings, notes } = lower(merged, ceilings);
    const opened = isSealed ? await this.#open(settings) : { settings, unreadable: [] };
    const sown =
      fastly.kind === 'good' && ceilings.grants.keyValue
        ? await seeds.sow(this.#folderKey, fastly.settings.seeds)
        : nothingSown;
    this.#unreadable = opened.unreadable;
    this.#state = { ...state, value: opened.settings };
    const ofFastly = fastly.kind === 'good' ? fastly.settings.notes : [];
    const wrong = fastly.kind === 'broken' ? [fastly.error.message] : [];
    const exposed = this.#exposed(merged);
    this.#tell([
      ...notes,
      ...[...wrong, ...ofFastly, ...sown.notes, ...exposed],
      ...sentencesOf(opened.unreadable),
    ]);
    return sown.isDone;
  }

  #exposed(settings: SiteSettings): readonly string[] {
    const sentence = describeExposed(settings, this.#folderKey, this.#parts.botUser);
    return sentence === undefined ? [] : [sentence];
  }

  /** Once for each state of affairs, not at each look. */
  #tell(notes: readonly string[]): void {
    const all = notes.join('\n');
    if (all === this.#told) return;
    this.#told = all;
    for (const reason of notes) {
      this.#parts.journal.tell('settings-noted', { folderKey: this.#folderKey, reason });
    }
  }

  #open(settings: SiteSettings): Promise<Opened> {
    return openSecrets(settings, this.#folderKey, async (text, place) => {
      try {
        return await this.#parts.sealingKeys.open(text, place);
      } catch (error) {
        if (error instanceof TerrafirmaError) return 'no-keys';
        throw error;
      }
    });
  }

  /** Keys that cannot be read are the operator's matter; the folder's files go on. */
  async #stampOfKeys(): Promise<string> {
    try {
      return await this.#parts.sealingKeys.stamp();
    } catch (error) {
      if (!(error instanceof TerrafirmaError)) throw error;
      if (error.message !== this.#taken?.stamp)
        this.#parts.journal.tell('sealing-keys-not-read', { reason: error.message });
      return error.message;
    }
  }
}

interface Merged {
  readonly settings: SiteSettings;
  /** A name that neither file has. */
  readonly fault: TerrafirmaError | undefined;
}

function isSameSaid(one: Said, other: Said): boolean {
  const isSameFiles = one.state === other.state && one.fastly === other.fastly;
  return isSameFiles && one.texts === other.texts;
}

function mergeOf(
  { value: own, text }: Extract<SettingsState, { kind: 'good' }>,
  fastly: FastlyState,
  texts: SiteTexts | undefined,
): Merged {
  const both = fastly.kind === 'good' ? mergeFastly(own, fastly.settings) : own;
  const files = withPrivate(both, fastly.paths);
  const settings = texts === undefined ? files : withTexts(files, texts);
  // While nobody knows what it names, no name is a mistake.
  const isKnown = fastly.kind === 'good' || fastly.kind === 'none';
  return { settings, fault: isKnown ? faultOf(own, text, settings) : undefined };
}

/** Each text by its name stands over that of the files; the others stay. */
function withTexts(
  settings: SiteSettings,
  { configStores, secretStores }: SiteTexts,
): SiteSettings {
  const over = (stores: TextStores | undefined, set: TextStores): TextStores => {
    const merged = new Map(stores);
    for (const [name, texts] of set)
      merged.set(name, new Map([...(merged.get(name) ?? []), ...texts]));
    return merged;
  };
  return {
    ...settings,
    ...(configStores.size === 0 ? {} : { configStores: over(settings.configStores, configStores) }),
    ...(secretStores.size === 0 ? {} : { secretStores: over(settings.secretStores, secretStores) }),
  };
}

function faultOf(
  settings: SiteSettings,
  text: string | undefined,
  known: SiteSettings,
): TerrafirmaError | undefined {
  if (text === undefined) return undefined;
  try {
    requireNames(settings, text, known);
    return undefined;
  } catch (error) {
    if (error instanceof TerrafirmaError) return error;
    throw error;
  }
}

function refusalBy(fastly: FastlyState): ErrorRecord | undefined {
  if (fastly.kind === 'broken') return toErrorRecord(fastly.error);
  if (fastly.kind !== 'unread') return undefined;
  const detail = 'Cannot run the module yet: the fastly.toml of its folder is still to be read';
  return { code: 'no-verdict', detail };
}

function sentencesOf(unreadable: readonly UnreadableSecret[]): readonly string[] {
  return unreadable.map(({ error }) => error.detail);
}

function hasSealed({ secretStores, modules }: SiteSettings): boolean {
  const own = [...modules.values()].flatMap(({ secrets }) =>
    secrets === undefined ? [] : [secrets],
  );
  return [...(secretStores?.values() ?? []), ...own].some((secrets) =>
    [...secrets.values()].some((value) => value.startsWith(sealedStart)),
  );
}

/** Opens every sealed text; those that do not open are left out. */
async function openSecrets(
  settings: SiteSettings,
  folderKey: FolderKey,
  open: Open,
): Promise<Opened> {
  const unreadable: UnreadableSecret[] = [];
  const openTable = async (
    secrets: ReadonlyMap<string, string>,
    at: { readonly store: string; readonly modulePath: string | undefined },
  ): Promise<ReadonlyMap<string, string>> => {
    const { store, modulePath } = at;
    const read = new Map<string, string>();
    for (const [name, text] of secrets) {
      const place = {
        folderKey,
        modulePath,
        store: store === defaultStore ? undefined : store,
        name,
      };
      const opened = text.startsWith(sealedStart) ? await open(text, place) : Buffer.from(text);
      if (typeof opened !== 'string') read.set(name, Buffer.from(opened).toString('utf8'));
      else unreadable.push({ modulePath, store, error: describe(place, opened) });
    }
    return read;
  };
  const stores = new Map<string, ReadonlyMap<string, string>>();
  for (const [store, secrets] of settings.secretStores ?? []) {
    stores.set(store, await openTable(secrets, { store, modulePath: undefined }));
  }
  const modules = new Map(settings.modules);
  for (const [path, table] of settings.modules) {
    if (table.secrets === undefined) continue;
    const at = { store: defaultStore, modulePath: path };
    modules.set(path, { ...table, secrets: await openTable(table.secrets, at) });
  }
  const secretStores: { secretStores?: TextStores } =
    settings.secretStores === undefined ? {} : { secretStores: stores };
  return { settings: { ...settings, ...secretStores, modules }, unreadable };
}

function describe({ modulePath, store, name }: SecretPlace, why: Closed): ErrorRecord {
  const at = [
    ...(modulePath === undefined ? [] : [quoteReceived(modulePath)]),
    'secrets',
    ...(store === undefined ? [] : [store]),
    name,
  ].join('.');
  const detail = `Cannot run the module: the sealed secret ${at} does not open: ${reasons[why]}`;
  return { code: 'secret-unreadable', detail };
}
