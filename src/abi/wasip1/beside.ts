/** WASI preview1 as a part of another ABI; see `WasiSide`. */
import type { Capabilities } from '../../capability/capability.ts';
import type { Limits } from '../../config/config.ts';
import { noBytes } from '../../http/body.ts';
import type { EarlyCapabilities, GuestHost, Run } from '../abi.ts';
import type { EarlyGiven } from '../early.ts';
import { bindHostcall, type Hostcall, type ImportName } from '../hostcall.ts';
import type { InputStream } from '../objects/cgi/streams.ts';
import type { Preopen } from '../objects/files/preopens.ts';
import { createSiteTree, type FileKeeper } from '../objects/files/site-tree.ts';
import { LogStream } from '../objects/log-stream.ts';
import type { WasiBeside, WasiGiven, WasiSide } from '../wasi-side.ts';
import { judgeEarly, silence, stoppedClock, stoppedTimer } from './early.ts';
import { WasiGuest } from './guest.ts';
import { isWasi, judgeImport } from './judge.ts';
import { type ProcessOptions, WasiProcess } from './process.ts';
import { wasip1Table } from './table.ts';

/** At its end from the start. */
const noInput: InputStream = {
  take: () => noBytes,
  whenReady: () => Promise.resolve(),
  readyBytes: 0,
};

const toldNothing: WasiGiven = { listArguments: () => [], listEnvironment: () => [] };

export function createWasiBeside(limits: Limits): WasiBeside {
  return {
    judgeImport: (wanted) => (isWasi(wanted) ? judgeImport(wanted) : undefined),
    judgeEarly: (wanted, first) => (isWasi(wanted) ? judgeEarly(wanted, first) : undefined),
    bind: (host) => new Beside(host, limits),
  };
}

class Beside implements WasiSide {
  readonly #guest: WasiGuest;
  readonly #limits: Limits;
  #outputs: readonly LogStream[] = [];

  constructor(host: GuestHost, limits: Limits) {
    this.#guest = new WasiGuest(host);
    this.#limits = limits;
  }

  hostcall(wanted: ImportName): Hostcall | undefined {
    return isWasi(wanted) ? bindHostcall(wasip1Table, this.#guest, wanted) : undefined;
  }

  prepare({ clock, timer, fillRandom, log }: EarlyCapabilities): void {
    const capabilities = {
      clock,
      timer,
      fillRandom: (target: Parameters<typeof fillRandom>[0]) => fillRandom(target),
    };
    this.#guest.beginLate(() =>
      this.#open({ capabilities, log, given: toldNothing, openPreopens: () => [] }),
    );
  }

  begin({ capabilities }: Run, given: WasiGiven): void {
    this.#guest.beginLate(() =>
      this.#open({
        capabilities,
        log: capabilities.log,
        given,
        openPreopens: (keeper) => this.#openPreopens(capabilities, keeper),
      }),
    );
  }

  prepareStart(given: WasiGiven, { fillRandom }: Pick<EarlyGiven, 'fillRandom'>): void {
    const capabilities = { clock: stoppedClock, timer: stoppedTimer, fillRandom };
    this.#guest.beginLate(() =>
      this.#open({ capabilities, log: silence, given, openPreopens: () => [] }),
    );
  }

  streamFlags(): readonly number[] {
    return this.#guest.process.streamFlags;
  }

  release(): void {
    for (const output of this.#outputs) output.end();
    this.#outputs = [];
    this.#guest.release();
  }

  /** Many a run of a program asks for nothing of it. */
  #open(run: {
    readonly capabilities: ProcessOptions['capabilities'];
    readonly log: EarlyCapabilities['log'];
    readonly given: WasiGiven;
    readonly openPreopens: ProcessOptions['openPreopens'];
  }): WasiProcess {
    const { capabilities, log, given, openPreopens } = run;
    const stdout = new LogStream(log);
    const stderr = new LogStream(log);
    this.#outputs = [stdout, stderr];
    const { listArguments, listEnvironment, streamFlags } = given;
    return new WasiProcess({
      listArguments,
      listEnvironment,
      streamFlags,
      stdin: noInput,
      stdout,
      stderr,
      openPreopens,
      capabilities,
      descriptorsMax: this.#limits.handlesPerRunMax,
    });
  }

  #openPreopens({ files, settings }: Capabilities, keeper: FileKeeper): readonly Preopen[] {
    if (!settings.isGrantedFiles) return [];
    const listedEntriesMax = this.#limits.folderEntriesMax;
    return [{ name: '/', directory: createSiteTree({ files, keeper, listedEntriesMax }) }];
  }
}
