/** When something is due of each certificate, in memory beside the store. Pure. */
import type { HostName } from '../names.ts';
import type { StoredCertificate } from './records.ts';

export type Due = Pick<
  StoredCertificate,
  'hostName' | 'notAfterMs' | 'renewAtMs' | 'windowAskAtMs'
>;

/** `due`: to be renewed now. `over`: no browser takes it any more. */
export type CertificateState = 'good' | 'due' | 'over';
export const noneInAnyState: Readonly<Record<CertificateState, number>> = {
  good: 0,
  due: 0,
  over: 0,
};

/** Own certificates are not renewed here: they are never due. */
export function stateAt(
  nowMs: number,
  { notAfterMs, renewAtMs }: { readonly notAfterMs: number; readonly renewAtMs?: number },
): CertificateState {
  if (notAfterMs <= nowMs) return 'over';
  return renewAtMs !== undefined && renewAtMs <= nowMs ? 'due' : 'good';
}

export class DueIndex {
  readonly #byName = new Map<HostName, Due>();

  get size(): number {
    return this.#byName.size;
  }

  set({ hostName, notAfterMs, renewAtMs, windowAskAtMs }: Due): void {
    this.#byName.set(hostName, { hostName, notAfterMs, renewAtMs, windowAskAtMs });
  }

  delete(hostName: HostName): void {
    this.#byName.delete(hostName);
  }

  clear(): void {
    this.#byName.clear();
  }

  /** To renew by `nowMs`, the most urgent first. */
  toRenew(nowMs: number, countMax: number): readonly HostName[] {
    return this.#first((due) => due.renewAtMs <= nowMs, 'notAfterMs', countMax);
  }

  /** Whose renewal window is to be asked for by `nowMs`. */
  toAsk(nowMs: number, countMax: number): readonly HostName[] {
    return this.#first((due) => due.windowAskAtMs <= nowMs, 'windowAskAtMs', countMax);
  }

  /** Over before `atMs`. */
  overBefore(atMs: number): readonly HostName[] {
    return this.#first((due) => due.notAfterMs < atMs, 'notAfterMs', this.size);
  }

  /** When something is due next; undefined when there is nothing. */
  nextMs(): number | undefined {
    let next: number | undefined;
    for (const { renewAtMs, windowAskAtMs } of this.#byName.values()) {
      next = Math.min(next ?? Number.POSITIVE_INFINITY, renewAtMs, windowAskAtMs);
    }
    return next;
  }

  /** When the first ends; undefined when there is nothing. */
  earliestEndMs(): number | undefined {
    let earliest: number | undefined;
    for (const { notAfterMs } of this.#byName.values()) {
      earliest = Math.min(earliest ?? Number.POSITIVE_INFINITY, notAfterMs);
    }
    return earliest;
  }

  countStates(nowMs: number): Record<CertificateState, number> {
    const counts = { ...noneInAnyState };
    for (const due of this.#byName.values()) counts[stateAt(nowMs, due)] += 1;
    return counts;
  }

  #first(
    isMeant: (due: Due) => boolean,
    by: 'notAfterMs' | 'windowAskAtMs',
    countMax: number,
  ): readonly HostName[] {
    const found = [...this.#byName.values()].filter(isMeant).sort((a, b) => a[by] - b[by]);
    return found.slice(0, countMax).map(({ hostName }) => hostName);
  }
}
