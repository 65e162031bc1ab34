/** A browser at the owners’ dashboard, as far as requests and cookies go. */
import { askHttp1, type SecureReply } from './tls-client.ts';

export interface Browser {
  readonly cookies: Map<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at what they expect to be there.
  get(path: string): Promise<SecureReply & { readonly json: any }>;
  change(method: string, path: string, body?: unknown): ReturnType<Browser['get']>;
}

export interface BrowserOptions {
  readonly serverName: string;
  readonly ca: string;
  /** Where it comes from. */
  readonly localAddress: string;
  /** Of the daemon, which may be started anew. */
  readonly port: () => number;
}

/** Without cookies at first; it keeps those that it is given. */
export function openBrowser({ port, ...where }: BrowserOptions): Browser {
  const cookies = new Map<string, string>();
  const origin = `https://${where.serverName}`;
  const send = async (path: string, method: string, body?: unknown) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const reply = await askHttp1(port(), path, {
      ...{ ...where, method },
      headers: {
        ...(cookie === '' ? {} : { cookie }),
        ...(method === 'GET' ? {} : { origin, 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const set = reply.headers['set-cookie'] ?? [];
    for (const line of Array.isArray(set) ? set : [set]) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    const isJson = /json/.test(String(reply.headers['content-type']));
    return { ...reply, json: isJson ? JSON.parse(reply.text) : undefined };
  };
  return {
    cookies,
    get: (path) => send(path, 'GET'),
    change: (method, path, body = {}) => send(path, method, body),
  };
}
