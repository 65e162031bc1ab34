/** A real daemon with HTTPS, a DNS server, an ACME server, and folders: all of it on loopback. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { AcmeServer } from './acme-server.ts';
import { type LogLine, TestDaemon, type TestDaemonOptions } from './daemon.ts';
import { type DnsServer, startDnsServer } from './dns-server.ts';
import { guestBytes, TestFolder } from './folder.ts';

export const FOLDER = 'public/alice';

export class SecureWorld implements AsyncDisposable {
  readonly mount = new TestFolder();
  readonly acme: AcmeServer;
  readonly dns: DnsServer;
  daemon!: TestDaemon;

  private constructor(acme: AcmeServer, dns: DnsServer) {
    this.acme = acme;
    this.dns = dns;
  }

  /** Everything but the daemon. */
  static async prepare(): Promise<SecureWorld> {
    const world = new SecureWorld(await AcmeServer.start(), await startDnsServer());
    world.putFolder(FOLDER);
    return world;
  }

  putFolder(folder: string): void {
    mkdirSync(this.mount.path(folder), { recursive: true });
    writeFileSync(this.mount.path(`${folder}/hello.wasm`), guestBytes('hello'));
  }

  /** Sets the records of `name`, which leads to loopback and to `folder`. */
  point(name: string, folder = FOLDER): void {
    this.dns.table.set(`_keybase_pages.${name}`, { txt: [`kbp=/keybase/${folder}`] });
    this.dns.table.set(name, { a: ['127.0.0.1'] });
  }

  async startDaemon(options: Partial<TestDaemonOptions> = {}): Promise<TestDaemon> {
    this.daemon = await TestDaemon.start({
      ...options,
      args: [
        ...['--mount', `/keybase=${this.mount.directory}`],
        ...['--dns', `${this.dns.host}:${this.dns.port}`],
        ...['--tls-listen', '127.0.0.1:0', '--acme-terms-agreed', 'true'],
        ...['--acme-directory', this.acme.directoryUrl],
        ...(options.args ?? []),
      ],
    });
    this.acme.rules.httpPort = this.daemon.port;
    this.acme.rules.tlsPort = this.tlsPort;
    return this.daemon;
  }

  get tlsPort(): number {
    return tlsPortOf(this.daemon);
  }

  get ca(): string {
    return this.acme.authority.rootPem;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
    await this.dns.close();
    await this.acme[Symbol.asyncDispose]();
    this.mount[Symbol.dispose]();
  }
}

export function tlsPortOf(daemon: TestDaemon): number {
  const line = daemon.log.find((one: LogLine) => Array.isArray(one.listening));
  const urls = (line?.listening ?? []) as string[];
  return Number(new URL(urls.find((url) => url.startsWith('https:')) ?? '').port);
}
