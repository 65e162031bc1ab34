/** `proc`, `random`, `sched`, `sock`: the families of one or two lines a call. */
import type { Steps } from '../steps.ts';
import { WasiError } from './errno.ts';
import type { HostcallFamily, WasiGuest } from './guest.ts';

/** The random numbers of one call; a program that needs more asks again. */
const randomBytesPerCallMax = 1_048_576;
const randomChunkBytes = 65_536;

export function procHostcalls(guest: WasiGuest): HostcallFamily {
  return {
    proc_exit: { waits: false, call: (exitCode: number): never => guest.exit(exitCode >>> 0) },

    /** There is nobody to send a signal to. */
    proc_raise: guest.hostcall((_signal: number) => {
      throw new WasiError('nosys');
    }),
  };
}

export function schedHostcalls(guest: WasiGuest): HostcallFamily {
  return {
    /** The engine gives others their turn by itself; there is nothing to wait for. */
    sched_yield: guest.hostcall(() => undefined),
  };
}

export function randomHostcalls(guest: WasiGuest): HostcallFamily {
  return {
    /** ptr ──► len random bytes. `inval` for more than one call gives. */
    random_get: guest.waitingHostcall((ptr: number, len: number) => {
      const length = len >>> 0;
      guest.requireRange(ptr, length);
      if (length > randomBytesPerCallMax) throw new WasiError('inval');
      return drawRandom(guest, ptr, length);
    }),
  };
}

function* drawRandom(guest: WasiGuest, ptr: number, length: number): Steps<void> {
  const chunk = new Uint8Array(Math.min(length, randomChunkBytes));
  for (let done = 0; done < length; done += chunk.length) {
    if (done > 0) yield;
    const part = chunk.subarray(0, length - done);
    guest.process.capabilities.fillRandom(part);
    guest.writeBytes((ptr >>> 0) + done, part);
  }
  chunk.fill(0);
}

/** There are no sockets: what is open is no socket, what is not open is no descriptor. */
export function sockHostcalls(guest: WasiGuest): HostcallFamily {
  const refuse = (fd: number): void => {
    guest.process.descriptor(fd);
    throw new WasiError('notsock');
  };
  return {
    sock_accept: guest.hostcall((fd: number, _flags: number, _newFdPtr: number) => refuse(fd)),
    sock_recv: guest.hostcall(
      (fd: number, _ptr: number, _count: number, _flags: number, _nPtr: number, _roPtr: number) =>
        refuse(fd),
    ),
    sock_send: guest.hostcall(
      (fd: number, _ptr: number, _count: number, _flags: number, _nPtr: number) => refuse(fd),
    ),
    sock_shutdown: guest.hostcall((fd: number, _how: number) => refuse(fd)),
  };
}
