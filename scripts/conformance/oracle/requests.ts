/** Requests that every component of the oracle's folder gets. */

export interface OracleRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface OracleAnswer {
  /** 0: the answer broke off. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
}

function to(path: string, more: Partial<OracleRequest> = {}): OracleRequest {
  const headers = { host: 'guest.example', ...more.headers };
  return { method: 'GET', path, body: '', ...more, headers };
}

const long = 'x'.repeat(2_000);
const longName = 'x'.repeat(200);

/**
 * Paths that guests of ours know, and many that none knows. None that the daemon refuses at its
 * door, before a guest is asked, such as `//` or an encoded `/`.
 */
export const requests: readonly OracleRequest[] = [
  to('/'),
  to('/hello'),
  to('/a/b/c?d=e&f'),
  to('/?'),
  to('/a%20%C3%BC/?q=%26%2F'),
  to(`/${longName}/${longName}?${long}`),
  to('/count'),
  to('/count'),
  to('/headers', { headers: { 'x-test': 'one, two', accept: '*/*', cookie: 'a=b; c=d' } }),
  to('/headers', { headers: { 'x-empty': '', 'X-CASE': 'Kept' } }),
  to('/echo', { method: 'POST', body: 'hello' }),
  to('/echo', { method: 'POST', body: '' }),
  to('/echo', { method: 'PUT', body: `grüße ${long}` }),
  to('/echo', { method: 'POST', body: 'y'.repeat(300_000) }),
  to('/echo', { method: 'DELETE' }),
  to('/', { method: 'HEAD' }),
  to('/', { method: 'OPTIONS' }),
  to('/stream'),
  to('/big'),
  to('/status/404'),
  to('/status/204'),
  to('/panic'),
  to('/error'),
  to('/nothing'),
  to('/short'),
];
