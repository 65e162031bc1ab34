/** Temporary folders and our own guests for tests. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const GUESTS = join(import.meta.dirname, '../guests');

/** Bytes of one of our own test guests, e.g. `hello`. */
export function guestBytes(name: string): Uint8Array {
  return readFileSync(join(GUESTS, `${name}.wasm`));
}

/** The same module as other bytes: with a custom section at its end. */
export function padded(bytes: Uint8Array, mark: number): Uint8Array {
  const name = [1, 0x70];
  const content = [...Buffer.from(String(mark))];
  return Uint8Array.from([...bytes, 0, name.length + content.length, ...name, ...content]);
}

export class TestFolder implements Disposable {
  readonly directory: string;

  constructor(parent: string = tmpdir()) {
    mkdirSync(parent, { recursive: true });
    this.directory = mkdtempSync(join(parent, 'terrafirma-folder-'));
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** Writes in place, as `cp` does. */
  write(name: string, content: string | Uint8Array): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
  }

  /** Writes beside and renames, as sync tools do. */
  replace(name: string, content: string | Uint8Array): void {
    const temporary = this.path(`.${name.replaceAll('/', '-')}.tmp`);
    writeFileSync(temporary, content);
    renameSync(temporary, this.path(name));
  }

  /** Puts our guest `guest` into the folder under `name`. */
  put(guest: string, name = `${guest}.wasm`): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    cpSync(join(GUESTS, `${guest}.wasm`), this.path(name), { dereference: true });
  }

  remove(name: string): void {
    rmSync(this.path(name), { recursive: true, force: true });
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
