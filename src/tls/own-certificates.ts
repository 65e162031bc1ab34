/**
 * Edge: certificate and key files of the operator (`[[tls.certificate]]`). Read again when they
 * change; a pair that is half written or wrong leaves the one before in force.
 */

import { createHash, createPrivateKey, type X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { inBytes } from '../amounts.ts';
import type { CertificateFiles } from '../config/config.ts';
import { TerrafirmaError } from '../errors.ts';
import type { HostName } from '../names.ts';
import type { CertificatePair } from '../threads/messages.ts';
import { readChain } from './x509.ts';

export interface OwnCertificate extends CertificatePair {
  /** Changes with the certificate. */
  readonly id: string;
}

interface Loaded extends OwnCertificate {
  readonly files: CertificateFiles;
  readonly names: readonly string[];
  readonly notAfterMs: number;
  readonly stamp: string;
}

const fileBytesMax = 1024 * 1024;

export interface OwnCertificatesOptions {
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
  readonly onChange: () => void;
  readonly onTrouble: (message: string) => void;
}

export class OwnCertificates {
  readonly #options: OwnCertificatesOptions;
  #loaded: readonly Loaded[];
  #timer: NodeJS.Timeout | undefined;
  /** What was last told of each, by its file: once, not at every look. */
  readonly #told = new Map<string, string>();

  private constructor(loaded: readonly Loaded[], options: OwnCertificatesOptions) {
    this.#loaded = loaded;
    this.#options = options;
  }

  /** @throws TerrafirmaError `config` naming the file that cannot be used. */
  static async open(
    files: readonly CertificateFiles[],
    options: OwnCertificatesOptions,
  ): Promise<OwnCertificates> {
    const loaded: Loaded[] = [];
    for (const pair of files) loaded.push(await load(pair));
    const own = new OwnCertificates(loaded, options);
    for (const one of loaded) own.#tellOf(one);
    return own;
  }

  /** The certificate whose names cover `hostName`; exact names win over `*.` ones. */
  find(hostName: HostName): OwnCertificate | undefined {
    const wildcard = `*.${hostName.slice(hostName.indexOf('.') + 1)}`;
    return (
      this.#loaded.find(({ names }) => names.includes(hostName)) ??
      this.#loaded.find(({ names }) => hostName.includes('.') && names.includes(wildcard))
    );
  }

  /**
   * Others from now on, in force once they are all in order.
   *
   * @throws TerrafirmaError `config` naming the file that cannot be used.
   */
  async replace(files: readonly CertificateFiles[]): Promise<void> {
    const loaded: Loaded[] = [];
    for (const pair of files) loaded.push(await load(pair));
    this.#loaded = loaded;
    for (const one of loaded) this.#tellOf(one);
    this.#options.onChange();
  }

  list(): readonly { readonly names: readonly string[]; readonly notAfterMs: number }[] {
    return this.#loaded.map(({ names, notAfterMs }) => ({ names, notAfterMs }));
  }

  /** For clients that name nobody in their handshake. */
  first(): OwnCertificate | undefined {
    return this.#loaded[0];
  }

  /** Looks at the files every `everyMs`. */
  watch(everyMs: number): void {
    this.#timer = setInterval(() => void this.check(), everyMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Takes over the files that have changed and are in order. Never rejects for bad files. */
  async check(): Promise<void> {
    const next: Loaded[] = [];
    for (const known of this.#loaded) next.push(await this.#newest(known));
    const hasChanged = next.some((one, index) => one.id !== this.#loaded[index]?.id);
    this.#loaded = next;
    if (hasChanged) this.#options.onChange();
  }

  async #newest(known: Loaded): Promise<Loaded> {
    try {
      const isSame = (await stampOf(known.files)) === known.stamp;
      const loaded = isSame ? known : await load(known.files);
      this.#tellOf(loaded);
      return loaded;
    } catch (error) {
      this.#tell(known.files, error instanceof Error ? error.message : String(error));
      return known;
    }
  }

  /** One that has ended is shown all the same: the operator wants it to win, and is told. */
  #tellOf({ files, notAfterMs }: Loaded): void {
    if (notAfterMs > this.#options.nowMs()) {
      this.#told.delete(files.certificate);
      return;
    }
    const end = new Date(notAfterMs).toISOString();
    this.#tell(files, `The certificate ${files.certificate} ended at ${end}: clients refuse it`);
  }

  #tell({ certificate }: CertificateFiles, message: string): void {
    if (this.#told.get(certificate) !== message) this.#options.onTrouble(message);
    this.#told.set(certificate, message);
  }
}

async function load(files: CertificateFiles): Promise<Loaded> {
  try {
    const stamp = await stampOf(files);
    const chainPem = await readText(files.certificate);
    const keyPem = await readText(files.key);
    const [leaf] = readChain(chainPem);
    if (leaf === undefined) throw new Error('the certificate file must be PEM');
    if (keyPem.includes('ENCRYPTED')) throw new Error('the key must have no passphrase');
    if (!leaf.checkPrivateKey(createPrivateKey(keyPem))) {
      throw new Error('the key must be that of the certificate');
    }
    // As handshakes will: a chain that breaks off, or a key too weak for TLS, fails here and now.
    createSecureContext({ cert: chainPem, key: keyPem });
    const id = createHash('sha256').update(chainPem).update(keyPem).digest('hex');
    const notAfterMs = Date.parse(leaf.validTo);
    return { files, chainPem, keyPem, id, names: namesOf(leaf), notAfterMs, stamp };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const rule = `Cannot use the certificate ${files.certificate} with ${files.key}`;
    throw new TerrafirmaError('config', `${rule}: ${reason}`, { cause });
  }
}

async function readText(file: string): Promise<string> {
  const { size } = await stat(file);
  if (size > fileBytesMax) throw new Error(`a file may have at most ${inBytes(fileBytesMax)}`);
  return readFile(file, 'utf8');
}

/** Changes when either file does; links are followed, as tools swap them. */
async function stampOf(files: CertificateFiles): Promise<string> {
  const stamps = [files.certificate, files.key].map(async (file) => {
    const { mtimeMs, size, ino } = await stat(file);
    return `${mtimeMs} ${size} ${ino}`;
  });
  return (await Promise.all(stamps)).join(' ');
}

function namesOf(leaf: X509Certificate): readonly string[] {
  return (leaf.subjectAltName ?? '')
    .split(', ')
    .filter((name) => name.startsWith('DNS:'))
    .map((name) => name.slice('DNS:'.length).toLowerCase());
}
