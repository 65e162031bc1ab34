/** WASI preview1 as a part of another ABI; see `WasiSide`. */
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
import { type ProcessSource, WasiGuest } from './guest.ts';
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

interface GivenBeside {
  readonly capabilities: ProcessOptions['capabilities'];
  readonly log: EarlyCapabilities['log'];
  readonly given: WasiGiven;
  /** Of the run, where there is one: then the program has the folder's files. */
  readonly run?: Run | undefined;
}

/** The process of a run, of which many ask for nothing. No functions: ten thousand may wait. */
class BesideProcess implements ProcessSource, ProcessOptions {
  readonly capabilities: ProcessOptions['capabilities'];
  readonly #log: EarlyCapabilities['log'];
  readonly #given: WasiGiven;
  readonly #run: Run | undefined;
  readonly #limits: Limits;
  #stdout: LogStream | undefined;
  #stderr: LogStream | undefined;

  constructor({ capabilities, log, given, run }: GivenBeside, limits: Limits) {
    this.capabilities = capabilities;
    this.#log = log;
    this.#given = given;
    this.#run = run;
    this.#limits = limits;
  }

  open(): WasiProcess {
    return new WasiProcess(this);
  }

  get stdin(): InputStream {
    return noInput;
  }

  get stdout(): LogStream {
    this.#stdout ??= new LogStream(this.#log);
    return this.#stdout;
  }

  get stderr(): LogStream {
    this.#stderr ??= new LogStream(this.#log);
    return this.#stderr;
  }

  get streamFlags(): readonly number[] | undefined {
    return this.#given.streamFlags;
  }

  get descriptorsMax(): number {
    return this.#limits.handlesPerRunMax;
  }

  listArguments(): readonly string[] {
    return this.#given.listArguments();
  }

  listEnvironment(): readonly string[] {
    return this.#given.listEnvironment();
  }

  openPreopens(keeper: FileKeeper): readonly Preopen[] {
    const capabilities = this.#run?.capabilities;
    if (capabilities?.settings.isGrantedFiles !== true) return [];
    const { files } = capabilities;
    const listedEntriesMax = this.#limits.folderEntriesMax;
    return [{ name: '/', directory: createSiteTree({ files, keeper, listedEntriesMax }) }];
  }

  /** What was written and has no line end is a line. */
  end(): void {
    this.#stdout?.end();
    this.#stderr?.end();
  }
}

class Beside implements WasiSide {
  readonly #guest: WasiGuest;
  readonly #limits: Limits;
  #process: BesideProcess | undefined;

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
    this.#begin({ capabilities, log, given: toldNothing });
  }

  begin(run: Run, given: WasiGiven): void {
    const { capabilities } = run;
    this.#begin({ capabilities, log: capabilities.log, given, run });
  }

  prepareStart(given: WasiGiven, { fillRandom }: Pick<EarlyGiven, 'fillRandom'>): void {
    const capabilities = { clock: stoppedClock, timer: stoppedTimer, fillRandom };
    this.#begin({ capabilities, log: silence, given });
  }

  streamFlags(): readonly number[] {
    return this.#guest.process.streamFlags;
  }

  release(): void {
    this.#process?.end();
    this.#process = undefined;
    this.#guest.release();
  }

  #begin(given: GivenBeside): void {
    this.#process = new BesideProcess(given, this.#limits);
    this.#guest.beginLate(this.#process);
  }
}
