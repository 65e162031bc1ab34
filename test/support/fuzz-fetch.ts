/** Outbound HTTP for calls without sense: it answers, fails or waits, by what it is asked for. */
import type {
  Backend,
  Backends,
  Fetch,
  FetchFault,
  OutboundReply,
  OutboundRequest,
  StreamedReply,
} from '../../src/capability/fetch/contract.ts';
import { CapabilityRefusal } from '../../src/capability/refusal.ts';
import { BodyQueue } from '../../src/http/body-queue.ts';
import type { LateReply } from '../../src/http/late-reply.ts';

const address = { isTls: true, host: 'back.example', port: 443 };

class FuzzBackends implements Backends {
  readonly #added = new Map<string, Backend>();

  find(name: string): Backend | undefined {
    return name === 'back' ? { address } : this.#added.get(name);
  }

  names(): readonly string[] {
    return ['back', ...this.#added.keys()];
  }

  isAdded(name: string): boolean {
    return this.#added.has(name);
  }

  healthOf(): 'healthy' {
    return 'healthy';
  }

  timesOf() {
    return { connectMs: 1, firstByteMs: 2, betweenBytesMs: 3, keepAliveMs: 4 };
  }

  add(name: string, backend: Backend): void {
    if (this.#added.size >= 8) throw new CapabilityRefusal('limit', 'Cannot add: at most 8');
    this.#added.set(name, backend);
  }
}

export class FuzzFetch implements Fetch {
  readonly backends = new FuzzBackends();

  async send(): Promise<OutboundReply> {
    throw new CapabilityRefusal('connection', 'Cannot fetch: nobody is there');
  }

  async open({ url, body }: OutboundRequest, signal: AbortSignal): Promise<StreamedReply> {
    if (!(body instanceof Uint8Array)) body.cancel();
    if (url.endsWith('/a?b')) await ended(signal);
    if (url.length % 2 === 0) throw new CapabilityRefusal('timeout', 'Cannot fetch: too late');
    const reply = new BodyQueue({ windowBytesMax: 1 });
    reply.push(Buffer.from('reply'));
    reply.end([['x-trailer', '1']]);
    return { status: 200, headers: [['content-type', 'text/plain']], body: reply };
  }

  async openTunnel(): Promise<LateReply> {
    throw new CapabilityRefusal('connection', 'Cannot fetch: nobody is there');
  }

  faultOf(): FetchFault {
    return { type: 'h2_error', tlsAlert: 40, http2: { frame: 3, code: 7 } };
  }
}

function ended(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('given up')));
  });
}
