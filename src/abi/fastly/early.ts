/** Starts of this ABI's programs that are done before any request; see `EarlyBinding`. */
import { createHash } from 'node:crypto';
import type { GuestSettings } from '../../capability/settings/contract.ts';
import type { EarlyBinding, EarlyGiven, EarlyKept, EarlyRules } from '../early.ts';
import type { WasiBeside, WasiSide } from '../wasi-side.ts';
import { traceIdOf } from './downstream/trace-id.ts';
import { listVariables, programName } from './environment.ts';

/** It takes a version of the ABI, and says whether that is known. */
const startModule = 'fastly_abi';
const startName = 'init';

export function createEarlyRules(wasi: Pick<WasiBeside, 'judgeEarly'>): EarlyRules {
  /** By the map: settings are read once, and asked for at each request. */
  const kinds = new WeakMap<GuestSettings['environment'], string>();
  return {
    markLength: traceIdOf('').length,
    kindOf: ({ capabilities: { settings } }) => {
      if (settings === undefined) return '';
      const { environment, isGrantedFiles } = settings;
      // Which files there are may be another thing at the next request.
      if (isGrantedFiles) return undefined;
      if (environment.size === 0) return '';
      const known = kinds.get(environment) ?? hashOf(environment);
      kinds.set(environment, known);
      return known;
    },
    judge: (wanted, first) => {
      if (wanted.module === startModule && wanted.name === startName) return 'alike';
      return wasi.judgeEarly(wanted, first) ?? 'other';
    },
  };
}

function hashOf(environment: GuestSettings['environment']): string {
  const text = JSON.stringify(listVariables('', environment));
  return createHash('sha256').update(text).digest('hex');
}

export class FastlyEarly implements EarlyBinding {
  /** That every run begins with; undefined where none is set. */
  streamFlags: readonly number[] | undefined;
  readonly #wasi: WasiSide;

  constructor(wasi: WasiSide) {
    this.#wasi = wasi;
  }

  prepare({ environment, mark, fillRandom }: EarlyGiven): void {
    const given = {
      listArguments: () => [programName],
      listEnvironment: () => listVariables(mark, environment),
    };
    this.#wasi.prepareStart(given, { fillRandom });
  }

  keep(): EarlyKept {
    return { streamFlags: this.#wasi.streamFlags() };
  }

  resume({ streamFlags }: EarlyKept): void {
    this.streamFlags = streamFlags;
  }

  markOf(requestId: string): string {
    return traceIdOf(requestId);
  }
}
