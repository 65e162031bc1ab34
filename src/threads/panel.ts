/** Where serving threads and the control plane meet for the owners' dashboard. Pure. */
import { join } from 'node:path';
import type { Config } from '../config/config.ts';

/** What the thread that brings a request says of whose it is. */
export const clientHeader = 'x-terrafirma-client';

/** A socket that only the daemon's own user can open, beside the admin socket. */
export function panelSocketPath({ admin, stateDirectory }: Config): string {
  return join(admin.directory ?? stateDirectory, 'panel.sock');
}
