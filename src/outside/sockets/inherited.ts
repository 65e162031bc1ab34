/**
 * Sockets that systemd, or whoever acts like it, has opened for us (sd_listen_fds(3)). They stay
 * open while we restart: nothing that arrives meanwhile is lost. Touches the descriptors.
 */
import { TerrafirmaError } from '../../errors.ts';
import { SocketCalls } from './system-calls.ts';

export interface InheritedSocket {
  readonly host: string;
  readonly port: number;
  readonly descriptor: number;
  readonly isTls: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The first descriptor that is passed on, as agreed. */
const firstDescriptor = 3;
const socketsMax = 32;
const httpsPort = 443;

/**
 * The sockets that `environment` names. One that is called `https` is for HTTPS, and one without a
 * name where its port is 443.
 *
 * @throws TerrafirmaError `start`.
 */
export function takeInherited(environment: Environment): readonly InheritedSocket[] {
  if (environment.LISTEN_FDS === undefined) return [];
  const count = Number(environment.LISTEN_FDS);
  if (!Number.isInteger(count) || count < 1 || count > socketsMax) {
    throw unusable(`there must be 1 to ${socketsMax}`, String(environment.LISTEN_FDS));
  }
  const calls = SocketCalls.open();
  if (calls === undefined) throw unusable('they need Linux and node:ffi', process.platform);
  const names = (environment.LISTEN_FDNAMES ?? '').split(':');
  return Array.from({ length: count }, (_, at) => {
    const descriptor = firstDescriptor + at;
    const address = calls.addressOf(descriptor);
    if (address === undefined) {
      throw unusable('each must listen on an address of the Internet', `descriptor ${descriptor}`);
    }
    const name = names[at] ?? '';
    const isTls = name === 'https' || (name !== 'http' && address.port === httpsPort);
    return { ...address, descriptor, isTls };
  });
}

function unusable(rule: string, received: string): TerrafirmaError {
  const detail = `Cannot use the inherited sockets: ${rule}: received ${received}`;
  return new TerrafirmaError('start', detail);
}
