/** A folder of CGI guests that tell their place, and a daemon that serves it. */
import { readPlace } from './cgi-guests.ts';
import { TestDaemon } from './daemon.ts';
import { TestFolder } from './folder.ts';
import { ask, type TestReply, type TestRequest } from './http.ts';

export class FunctionStage implements AsyncDisposable {
  readonly folder = new TestFolder();
  daemon!: TestDaemon;

  static async open(files: Readonly<Record<string, string | Uint8Array>>): Promise<FunctionStage> {
    const stage = new FunctionStage();
    for (const [name, content] of Object.entries(files)) stage.folder.write(name, content);
    stage.daemon = await TestDaemon.start({ args: [stage.folder.directory], threads: 1 });
    return stage;
  }

  ask(path: string, options: TestRequest = {}): Promise<TestReply> {
    return ask(this.daemon.port, path, options);
  }

  /** What the guest that answers says of its place; else the status. */
  async place(path: string, options: TestRequest = {}): Promise<string> {
    const { status, text } = await this.ask(path, options);
    return status === 200 ? readPlace(text) : String(status);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}
