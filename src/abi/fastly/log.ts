/** Logging endpoints: each is a name before the lines that go to the log of the site. */
import { HandleTable } from '../handles.ts';
import { answering, bytes, text } from './declare.ts';
import type { FastlyRun } from './run.ts';
import { status } from './status.ts';

/** They are the host's own (`inval`). */
const reserved = /^(?:stdout|stderr|fst_managed_.*)$/i;
const nameBytesMax = 1_024;

interface Endpoint {
  readonly name: string;
}

class Endpoints {
  readonly table: HandleTable<Endpoint>;
  readonly #byName = new Map<string, number>();

  constructor({ limits }: FastlyRun) {
    const handlesMax = limits.fastlyHandlesPerRunMax;
    this.table = new HandleTable({ kind: 'log endpoint', firstHandle: 1, handlesMax });
  }

  open(name: string): number {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const handle = this.table.add({ name });
    this.#byName.set(name, handle);
    return handle;
  }
}

function endpoints(run: FastlyRun): Endpoints {
  return new Endpoints(run);
}

export const logHostcalls = [
  answering({
    name: 'endpoint_get',
    params: [...text('name'), ['endpoint', 'out_handle']],
    spec: '#logging',
    meaning: 'any name but `stdout`, `stderr` and `fst_managed_…`',
    act: (guest, namePtr, nameLen, ptr) => {
      const name = guest.readText(namePtr, nameLen, nameBytesMax);
      guest.requireRange(ptr, 4);
      if (name === '' || reserved.test(name)) return status.inval;
      return guest.writeU32(ptr, guest.run.of(endpoints).open(name));
    },
  }),

  answering({
    name: 'write',
    params: [['h', 'handle'], ...bytes('msg'), ['num_bytes', 'out_number']],
    spec: '#logging',
    meaning: 'one entry; each of its lines begins with the name',
    act: (guest, handle, ptr, len, written) => {
      const { run } = guest;
      const { name } = run.of(endpoints).table.get(handle);
      guest.requireRange(written, 4);
      const message = guest.readTextLossy(ptr, len, guest.limits.logBytesPerRunMax);
      const { log } = run.capabilities;
      for (const line of message.replace(/\n$/, '').split('\n')) {
        if (log.isFull) break;
        log.write('info', `${name} :: ${line}`);
      }
      return guest.writeU32(written, len >>> 0);
    },
  }),
];
