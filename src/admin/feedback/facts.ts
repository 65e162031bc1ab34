/** What is known of folders beside what is in them, for what their owners are told. */
import { TerrafirmaError } from '../../errors.ts';
import { counterPlace, outcomes } from '../../journal/counter-fields.ts';
import type { FolderKey, HostName } from '../../names.ts';
import type { AdminWorld } from '../world.ts';
import { FolderDays } from './day-counts.ts';
import type { DayCounts, FolderFacts } from './status-file.ts';

export interface FactsParts extends Pick<AdminWorld, 'certificates' | 'counters' | 'hostNames'> {
  readonly history: AdminWorld['history'];
  /** What seals secrets now, base64url; undefined: there is no key yet. */
  readonly sealingKey: () => Promise<string | undefined>;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

/** Certificates are looked through for the names of folders that want to know. */
const certificatesMax = 500;
const limitOutcomes = ['out-of-cpu', 'out-of-time', 'out-of-memory', 'refused'] as const;

type Certificate = NonNullable<FolderFacts['certificates']>[number];
type Limit = NonNullable<FolderFacts['limitsReached']>[number];

export class FeedbackFacts {
  readonly #parts: FactsParts;
  readonly #days = new FolderDays();
  #lastDay: ReadonlyMap<string, DayCounts> = new Map();
  #limits: ReadonlyMap<string, readonly Limit[]> = new Map();
  #certificates: ReadonlyMap<string, readonly Certificate[]> = new Map();
  #sealingKey: string | undefined;

  constructor(parts: FactsParts) {
    this.#parts = parts;
  }

  /** Looks at everything once, for all folders. While a store is away, what it said holds. */
  async refresh(): Promise<void> {
    const { counters, nowMs, sealingKey } = this.#parts;
    this.#lastDay = this.#days.take(counters.sums(), nowMs());
    this.#limits = this.#readLimits();
    try {
      this.#certificates = await this.#readCertificates();
    } catch (error) {
      if (!(error instanceof TerrafirmaError)) throw error;
    }
    this.#sealingKey = await sealingKey();
  }

  of(folderKey: FolderKey): FolderFacts & { readonly lastDay?: DayCounts } {
    const lastDay = this.#lastDay.get(folderKey);
    return {
      ...(this.#sealingKey === undefined ? {} : { sealingKey: this.#sealingKey }),
      ...(lastDay === undefined ? {} : { lastDay }),
      limitsReached: this.#limits.get(folderKey) ?? [],
      certificates: this.#certificates.get(folderKey) ?? [],
    };
  }

  #readLimits(): ReadonlyMap<string, readonly Limit[]> {
    const limits = new Map<string, Limit[]>();
    for (const { folderKey, modulePath = '', words } of this.#parts.history.growth(3_600)) {
      if (folderKey === undefined) continue;
      for (const limit of limitOutcomes) {
        const count = words[counterPlace.requests + outcomes.indexOf(limit)] ?? 0;
        if (count === 0) continue;
        const known = limits.get(folderKey) ?? [];
        limits.set(folderKey, [...known, { module: modulePath, limit, count: magnitude(count) }]);
      }
    }
    return limits;
  }

  async #readCertificates(): Promise<ReadonlyMap<string, readonly Certificate[]>> {
    const found = new Map<string, Certificate[]>();
    const certificates = this.#parts.certificates();
    if (certificates === undefined) return found;
    const folderOf = new Map<HostName, FolderKey>(this.#parts.hostNames());
    const { kept } = await certificates.list(undefined, certificatesMax);
    for (const { failure, hostName, notAfterMs } of kept) {
      const folderKey = folderOf.get(hostName);
      if (folderKey === undefined) continue;
      const notAfter = new Date(notAfterMs).toISOString();
      const told = { host: hostName, notAfter, lastError: failure?.reason ?? null };
      found.set(folderKey, [...(found.get(folderKey) ?? []), told]);
    }
    return found;
  }
}

/** 1, 2, 5, 10, 20, 50, …: each more would write the file again. */
function magnitude(count: number): number {
  const ten = 10 ** Math.floor(Math.log10(count));
  return ([5, 2, 1].find((step) => step * ten <= count) ?? 1) * ten;
}
