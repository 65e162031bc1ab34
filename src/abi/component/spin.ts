/**
 * What Spin tells its components beside the request: where they stand, as headers of the request
 * (Spin, `crates/trigger-http/src/headers.rs`). A component that imports its interfaces was written
 * for that.
 */
import type { Header, RequestHead } from '../../http/message.ts';
import { pathOf } from '../../http/target.ts';
import type { ComponentPlan } from '../../wasm/component/plan.ts';
import { type GuestPath, withPrefix } from '../objects/guest-path.ts';

const spinInterface = /^(?:fermyon:spin|spin:[a-z-]+)\//;
const prefix = 'spin-';

export function isForSpin({ imports }: Pick<ComponentPlan, 'imports'>): boolean {
  return imports.some((name) => spinInterface.test(name));
}

type Asked = Pick<
  RequestHead,
  'headers' | 'target' | 'scriptName' | 'scheme' | 'authority' | 'clientAddress' | 'clientPort'
>;

/** A visitor's own words of that kind give way to ours. */
function withSpinHeaders(headers: readonly Header[], asked: Asked): readonly Header[] {
  const others = headers.filter(([name]) => !name.toLowerCase().startsWith(prefix));
  return [...others, ...spinHeaders(asked)];
}

function spinHeaders(asked: Asked): readonly Header[] {
  const { target, scriptName, scheme, authority, clientAddress, clientPort } = asked;
  const path = pathOf(target);
  const rest = path.split('/').slice(scriptName.split('/').length);
  const pathInfo = rest.length === 0 ? '' : `/${rest.join('/')}`;
  const route = path.slice(0, path.length - pathInfo.length);
  return [
    ['spin-full-url', `${scheme}://${authority}${target}`],
    ['spin-path-info', pathInfo],
    ['spin-base-path', '/'],
    ['spin-matched-route', `${route}/...`],
    ['spin-raw-component-route', `${route}/...`],
    ['spin-component-route', route],
    ['spin-client-addr', addressOf(clientAddress, clientPort)],
  ];
}

function addressOf(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The headers that a guest sees of the request that it answers. */
export function shownHeaders(
  request: RequestHead,
  { path, isForSpin }: { readonly path: GuestPath; readonly isForSpin: boolean },
): readonly Header[] {
  const prefixed = withPrefix(request.headers, path);
  return isForSpin ? withSpinHeaders(prefixed, request) : prefixed;
}
