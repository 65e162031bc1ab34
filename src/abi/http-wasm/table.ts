/** All that a handler may import from `http_handler`. */
import { byName, type HostcallTable } from '../hostcall.ts';
import { bodyHostcalls } from './body.ts';
import type { HandlerGuest } from './guest.ts';
import { headHostcalls } from './head.ts';
import { headerHostcalls } from './headers.ts';
import { hostHostcalls } from './host.ts';

export const handlerModule = 'http_handler';

export const handlerHostcalls = byName(
  hostHostcalls,
  headHostcalls,
  headerHostcalls,
  bodyHostcalls,
);

export const handlerTable: HostcallTable<HandlerGuest> = new Map([
  [handlerModule, handlerHostcalls],
]);
