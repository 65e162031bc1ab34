/** What the steps of `scripts/strangers-path.ts` share: a daemon, a name, a folder. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { type ProgramEnd, runProgram } from '../../test/commands/program.ts';
import { TestDaemon } from '../../test/support/daemon.ts';
import { type DnsServer, startDnsServer } from '../../test/support/dns-server.ts';
import { TestFolder } from '../../test/support/folder.ts';
import { ask, type TestReply } from '../../test/support/http.ts';

export const hostName = 'you.example';
/** In its canonical spelling: commands know folders by it. */
const folderName = 'private/kbwasm,you';
const page = { accept: 'text/html' };

export class Stage implements AsyncDisposable {
  readonly mount = new TestFolder();
  readonly places = mkdtempSync(path.join(tmpdir(), 'terrafirma-path-'));
  readonly dns: DnsServer;
  daemon: TestDaemon;

  private constructor(dns: DnsServer, daemon: TestDaemon) {
    this.dns = dns;
    this.daemon = daemon;
  }

  /** A daemon for a mount, and a name whose record leads to a folder in it. */
  static async open(): Promise<Stage> {
    const dns = await startDnsServer({
      [hostName]: { a: ['127.0.0.1'] },
      [`_keybase_pages.${hostName}`]: { txt: [`kbp=/keybase/${folderName}`] },
    });
    const mount = new TestFolder();
    const daemon = await TestDaemon.start({
      args: ['--config', writeConfig(mount, dns.port)],
      env: { TERRAFIRMA_FEEDBACK_NODE_NAME: 'node' },
    });
    const stage = new Stage(dns, daemon);
    Object.assign(stage, { mount });
    return stage;
  }

  get folderKey(): string {
    return `/keybase/${folderName}`;
  }

  file(name: string): string {
    return this.mount.path(`site/${folderName}/${name}`);
  }

  put(guest: string, name: string): void {
    this.mount.put(guest, `site/${folderName}/${name}`);
  }

  write(name: string, text: string): void {
    this.mount.write(`site/${folderName}/${name}`, text);
  }

  visit(target: string, host = hostName): Promise<TestReply> {
    return ask(this.daemon.port, target, { host, headers: page });
  }

  /** A command of the program, about this daemon. */
  run(...argv: readonly string[]): Promise<ProgramEnd> {
    return runProgram([...argv, '--state', this.daemon.stateDirectory]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
    await this.dns.close();
    this.mount[Symbol.dispose]();
    rmSync(this.places, { recursive: true, force: true });
  }
}

function writeConfig(mount: TestFolder, dnsPort: number): string {
  mount.write(`site/${folderName}/.keep`, '');
  const lines = [
    '[[mounts]]',
    'prefix = "/keybase"',
    `directory = ${JSON.stringify(mount.path('site'))}`,
    'writable = true',
    '[dns]',
    `servers = ["127.0.0.1:${dnsPort}"]`,
    '[feedback]',
    'enabled = true',
    '[watch]',
    'quiet_ms = 50',
    'poll_ms = 100',
  ];
  mount.write('config.toml', lines.join('\n'));
  return mount.path('config.toml');
}

/** Says what has been seen; ends the walk where it was something else. */
export function see(step: string, isSeen: boolean, evidence: string): void {
  const shown = evidence.trim().replaceAll(/\s+/g, ' ').slice(0, 160);
  process.stdout.write(`${isSeen ? 'ok  ' : 'BAD '} ${step}\n       ${shown}\n`);
  if (!isSeen) throw new Error(`${step}: ${evidence}`);
}
