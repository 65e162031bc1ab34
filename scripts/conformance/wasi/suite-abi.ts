/** The ABI of the suite's programs: WASI preview1, with a process that each run brings along. */
import type { Abi, Binding, GuestHost, RunEnd } from '../../../src/abi/abi.ts';
import { bindHostcall } from '../../../src/abi/hostcall.ts';
import { WasiGuest } from '../../../src/abi/wasip1/guest.ts';
import type { WasiProcess } from '../../../src/abi/wasip1/process.ts';
import { wasip1Table } from '../../../src/abi/wasip1/table.ts';
import type { LoadedModule } from '../../../src/threads/messages.ts';
import type { ProgramPool } from '../../../test/support/program-pool.ts';

export class SuiteAbi implements Abi {
  readonly name = 'wasi-suite';
  readonly requestBody = 'streamed';
  #process: WasiProcess | undefined;
  #end: RunEnd | undefined;

  judge(): { readonly kind: 'speaks'; readonly entry: string } {
    return { kind: 'speaks', entry: '_start' };
  }

  bind(host: GuestHost): Binding {
    const guest = new WasiGuest(host);
    return {
      hostcall: (wanted) => bindHostcall(wasip1Table, guest, wanted),
      begin: () => {
        if (this.#process !== undefined) guest.begin(this.#process);
      },
      finish: (end) => {
        this.#end = end;
      },
      release: () => guest.release(),
    };
  }

  /** Runs the program to its end. Never rejects; one run at a time. */
  async run(pool: ProgramPool, loaded: LoadedModule, process: WasiProcess): Promise<RunEnd> {
    this.#process = process;
    this.#end = undefined;
    const { error } = await pool.run(loaded);
    this.#process = undefined;
    // Where the engine ended the run, the ABI is not asked.
    const reason = error?.detail ?? 'the engine gave no reason';
    return this.#end ?? { kind: 'trapped', reason };
  }
}
