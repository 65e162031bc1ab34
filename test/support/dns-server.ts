/**
 * Edge: loopback sockets. A real DNS server (UDP and TCP on one port) with a table that tests
 * change while it runs, and that can misbehave in every way the resolver must survive.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createTCPServer, createUDPServer, type DnsHandler, Packet } from 'dns2';

export interface DnsEntry {
  /** One TXT record per element; an array is one record of several strings. */
  readonly txt?: readonly (string | readonly string[])[];
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  /** `issue` values. */
  readonly caa?: readonly string[];
  readonly cname?: string;
  /** Says nothing of the name that `cname` leads to. */
  readonly isAliasOnly?: boolean;
  readonly ttlS?: number;
  /** Minimum of the SOA record sent with an empty or NXDOMAIN answer. None: no SOA. */
  readonly soaMinimumS?: number;
  /** `noerror` without records of the asked type is "no data". */
  readonly rcode?: 'noerror' | 'formerr' | 'servfail' | 'nxdomain' | 'refused';
  /** Never answers. */
  readonly isSilent?: boolean;
  /** Answers only after this promise. */
  readonly heldBy?: Promise<void>;
  /** UDP answers are empty and truncated; TCP ones are whole. */
  readonly isTruncated?: boolean;
  /** Answers with another id first. */
  readonly wrongId?: 'only' | 'first';
  /** Answers about another name. */
  readonly wrongQuestion?: boolean;
  /** These bytes instead of an answer, behind the right id. */
  readonly garbage?: Uint8Array;
  /** Over TCP, the connection ends without an answer. */
  readonly dropsTcp?: boolean;
}

export interface DnsServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** `_keybase_pages.example.com` → answers; unknown names are NXDOMAIN, unless told otherwise. */
  readonly table: Map<string, DnsEntry>;
  /** `TXT name`, `A name`, … with `tcp:` before those over TCP, in order of arrival. */
  readonly queries: readonly string[];
  /** When each of them was answered last, by `performance.now()`. */
  readonly answeredAtMs: ReadonlyMap<string, number>;
  count(query: string): number;
  close(): Promise<void>;
}

type Send = (response: Packet | Buffer) => unknown;

const RCODES = { noerror: 0, formerr: 1, servfail: 2, nxdomain: 3, refused: 5 } as const;
const TYPES = Packet.TYPE;

/** Starts a server on a free port of `host`, which may also be `::1`. */
export async function startDnsServer(
  entries: Readonly<Record<string, DnsEntry>> = {},
  host = '127.0.0.1',
  /** What is answered about names that are not in the table. */
  unknown: (name: string) => DnsEntry = () => ({ rcode: 'nxdomain' }),
): Promise<DnsServer> {
  const table = new Map(Object.entries(entries));
  const queries: string[] = [];
  const answeredAtMs = new Map<string, number>();
  const handlerOf =
    (transport: 'udp' | 'tcp'): DnsHandler =>
    (request, send, client) => {
      const question = request.questions[0];
      if (question === undefined) return;
      const name = question.name.toLowerCase();
      const query = `${transport === 'tcp' ? 'tcp:' : ''}${typeName(question.type)} ${name}`;
      queries.push(query);
      // An answer that finds the server closed is nobody's.
      const entry = table.get(name) ?? unknown(name);
      if (transport === 'tcp' && entry.dropsTcp && 'destroy' in client) client.destroy();
      else {
        const answered = answer({ request, entry, table, transport, send });
        answered.then(
          () => answeredAtMs.set(query, performance.now()),
          () => undefined,
        );
      }
    };
  const udp = createUDPServer({ type: host.includes(':') ? 'udp6' : 'udp4' });
  const tcp = createTCPServer();
  // A client that hangs up early is the client's business.
  udp.on('requestError', () => undefined);
  udp.on('request', handlerOf('udp'));
  tcp.on('request', handlerOf('tcp'));
  const port = await listenBoth(udp, tcp, host);
  const sockets = new Set<Socket>();
  tcp.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => udp.close(() => resolve()));
    await new Promise<void>((resolve) => tcp.close(() => resolve()));
  };
  return {
    host,
    port,
    table,
    queries,
    answeredAtMs,
    count: (query) => queries.filter((one) => one === query).length,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** TCP takes a free port, UDP the same number; again when somebody else has that one. */
async function listenBoth(
  udp: ReturnType<typeof createUDPServer>,
  tcp: ReturnType<typeof createTCPServer>,
  host: string,
): Promise<number> {
  for (let attemptsLeft = 10; attemptsLeft > 0; attemptsLeft -= 1) {
    tcp.listen(0, host);
    await once(tcp, 'listening');
    const address = tcp.address();
    if (address === null || typeof address === 'string') throw new Error('no TCP port');
    udp.bind(address.port, host);
    const isBound = await once(udp, 'listening').then(
      () => true,
      () => false,
    );
    if (isBound) return address.port;
    tcp.close();
    await once(tcp, 'close');
  }
  throw new Error('no port that is free for both UDP and TCP');
}

async function answer(parts: {
  readonly request: Packet;
  readonly entry: DnsEntry;
  readonly table: ReadonlyMap<string, DnsEntry>;
  readonly transport: 'udp' | 'tcp';
  readonly send: Send;
}): Promise<void> {
  const { request, entry, table, transport, send } = parts;
  if (entry.isSilent) return;
  await entry.heldBy;
  if (entry.garbage !== undefined) {
    const bytes = Buffer.from(entry.garbage);
    if (bytes.length >= 2) bytes.writeUInt16BE(request.header.id, 0);
    send(bytes);
    return;
  }
  const response = buildAnswer(request, entry, table);
  if (entry.wrongId !== undefined) {
    const wrong = buildAnswer(request, entry, table);
    wrong.header.id = (request.header.id + 1) % 65_536;
    wrong.answers = [];
    send(wrong);
    if (entry.wrongId === 'only') return;
  }
  if (entry.isTruncated && transport === 'udp') {
    response.header.tc = 1;
    response.answers = [];
  }
  send(response);
}

function buildAnswer(
  request: Packet,
  entry: DnsEntry,
  table: ReadonlyMap<string, DnsEntry>,
): Packet {
  const response = Packet.createResponseFromRequest(request);
  const question = request.questions[0];
  if (question === undefined) return response;
  response.header.rcode = RCODES[entry.rcode ?? 'noerror'];
  let name = question.name;
  let current: DnsEntry | undefined = entry;
  for (let hops = 0; current?.cname !== undefined && hops < 20; hops += 1) {
    const { cname, ttlS = 60, isAliasOnly = false }: DnsEntry & { cname?: string } = current;
    response.answers.push(resource(name, { type: TYPES.CNAME, ttl: ttlS, domain: cname }));
    name = cname;
    current = isAliasOnly ? undefined : table.get(cname.toLowerCase());
  }
  for (const record of recordsOf(name, question.type, current ?? {})) response.answers.push(record);
  if (response.answers.length === 0 && entry.soaMinimumS !== undefined) {
    response.authorities.push(soa(entry.soaMinimumS));
  }
  if (entry.wrongQuestion) {
    response.questions = [new Packet.Question('wrong.example', question.type, 1)];
  }
  return response;
}

function recordsOf(name: string, type: number, entry: DnsEntry): Packet['answers'] {
  const ttl = entry.ttlS ?? 60;
  if (type === TYPES.TXT) {
    return (entry.txt ?? []).map((strings) =>
      resource(name, { type, ttl, data: typeof strings === 'string' ? [strings] : [...strings] }),
    );
  }
  if (type === TYPES.CAA) {
    return (entry.caa ?? []).map((value) =>
      resource(name, { type, ttl, flags: 0, tag: 'issue', value }),
    );
  }
  const addresses = type === TYPES.A ? entry.a : type === TYPES.AAAA ? entry.aaaa : undefined;
  return (addresses ?? []).map((address) => resource(name, { type, ttl, address }));
}

function soa(minimum: number): Packet['answers'][number] {
  const numbers = { serial: 1, refresh: 1, retry: 1, expiration: 1, minimum };
  const names = { primary: 'ns.example', admin: 'admin.example' };
  return resource('example', { type: TYPES.SOA, ttl: minimum, ...names, ...numbers });
}

function resource(
  name: string,
  record: Partial<Packet['answers'][number]>,
): Packet['answers'][number] {
  return new Packet.Resource({ name, class: Packet.CLASS.IN, ...record });
}

function typeName(type: number): string {
  return Object.entries(TYPES).find(([, number]) => number === type)?.[0] ?? String(type);
}

/** The bytes of a plain query with the id 0xabcd. */
export function queryFor(name: string, type: number = TYPES.A): Uint8Array {
  const packet = new Packet();
  packet.header = new Packet.Header({ id: 0xabcd, rd: 1 });
  packet.questions.push(new Packet.Question(name, type, 1));
  return packet.toBuffer();
}
