/**
 * Secrets and configuration that an operator has set for a folder on all nodes (`terrafirma secret
 * set`): read from the shared store and kept true by a watch. They stand beside, and over, those of
 * the folder's own files.
 *
 *     area site, named by the folder key: secret/<store>/<name>, config/<store>/<name> → the text
 */
import type { FolderKey } from '../../names.ts';
import {
  type Notice,
  type SharedStore,
  type Space,
  StoreError,
  type Watch,
} from '../../outside/store/contract.ts';
import type { StableSeal } from '../../outside/store/stable-seal.ts';
import type { TextStores } from '../../site/settings/stores.ts';
import { resourceNames } from '../../site/settings/tables.ts';

export type TextKind = 'secret' | 'config';

export interface SiteStores {
  /** Undefined where this node has no key that opens them. */
  readonly secret: SharedStore | undefined;
  readonly config: SharedStore;
  /** Seals files that hold secrets; undefined without that key. */
  readonly seal: StableSeal | undefined;
}

export interface SiteTexts {
  readonly secretStores: TextStores;
  readonly configStores: TextStores;
}

export interface FolderTextsOptions {
  readonly stores: Pick<SiteStores, 'secret' | 'config'>;
  readonly folderKey: FolderKey;
  readonly onChange: () => void;
  readonly onTrouble: (error: unknown) => void;
}

/** Of each kind; more are not read. */
const textsMax = 1_000;
const retryMs = 5_000;
const none: SiteTexts = { secretStores: new Map(), configStores: new Map() };

export function siteSpace(folderKey: FolderKey): Space {
  return { area: 'site', name: folderKey };
}

export function textKey(kind: TextKind, store: string, name: string): Uint8Array {
  return Buffer.from(`${kind}/${store}/${name}`);
}

export class FolderTexts {
  readonly #options: FolderTextsOptions;
  readonly #watch: Watch;
  #current: SiteTexts = none;
  #reading: Promise<void>;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FolderTextsOptions) {
    this.#options = options;
    const { folderKey, stores } = options;
    this.#watch = stores.config.watch(siteSpace(folderKey), (notice) => this.#hear(notice));
    this.#reading = this.#watch.ready.then(() => this.#read()).catch((error) => this.#fail(error));
  }

  /** The same object until something changes. */
  get current(): SiteTexts {
    return this.#current;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#watch.close();
  }

  /** It is read again soon, until it was. */
  #fail(error: unknown): void {
    this.#options.onTrouble(error);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#hear('reset'), retryMs).unref();
  }

  #hear(notice: Notice): void {
    if (notice !== 'reset' && placeOf(notice.key) === undefined) return;
    // One reading after the other: the last one sees what all the others were told of.
    this.#reading = this.#reading.then(() => this.#read()).catch((error) => this.#fail(error));
  }

  /** Rejects with StoreError. */
  async #read(): Promise<void> {
    const { onChange, stores } = this.#options;
    const [secretStores, configStores] = await Promise.all([
      this.#readKind('secret', stores.secret),
      this.#readKind('config', stores.config),
    ]);
    const isEmpty = secretStores.size + configStores.size === 0;
    if (isEmpty && this.#current === none) return;
    this.#current = isEmpty ? none : { secretStores, configStores };
    onChange();
  }

  async #readKind(kind: TextKind, store: SharedStore | undefined): Promise<TextStores> {
    const texts = new Map<string, Map<string, string>>();
    if (store === undefined) return texts;
    const space = siteSpace(this.#options.folderKey);
    const { items, isLast } = await store.list(space, {
      prefix: Buffer.from(`${kind}/`),
      limit: textsMax,
    });
    if (!isLast) {
      const rule = `at most ${textsMax} of them are read: received more`;
      const message = `Cannot read all of the folder's ${kind} entries: ${rule}`;
      this.#options.onTrouble(new StoreError('limit', message));
    }
    const keys = items.map(({ key }) => key);
    const entries = keys.length === 0 ? [] : await store.read(space, keys);
    for (const [index, key] of keys.entries()) {
      const place = placeOf(key);
      const value = entries[index]?.value;
      if (place === undefined || value === undefined) continue;
      const known = texts.get(place.store) ?? new Map<string, string>();
      texts.set(place.store, known.set(place.name, Buffer.from(value).toString()));
    }
    return texts;
  }
}

/** Undefined for any other key of the space. */
function placeOf(key: Uint8Array): { readonly store: string; readonly name: string } | undefined {
  const [, store = '', name = ''] =
    /^(?:secret|config)\/([^/]+)\/([^/]+)$/.exec(Buffer.from(key).toString()) ?? [];
  const isGood = resourceNames.pattern.test(store) && resourceNames.pattern.test(name);
  return isGood ? { store, name } : undefined;
}
