/**
 * The functions of a project under `terrafirma dev`: built when something that they are made of
 * changes, one after the other, the newest state of the sources in the end. Touches the project's
 * files, by file events, and runs compilers.
 */
import path from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { BuildResult } from '../project/build-function.ts';
import type { Project, ProjectFunction } from '../project/project-file.ts';

export interface BuildsOptions {
  readonly project: Project;
  /** Rejects when the signal was raised. */
  readonly build: (each: ProjectFunction, signal: AbortSignal) => Promise<BuildResult>;
  readonly onResult: (each: ProjectFunction, result: BuildResult) => void;
  /** A file of the site that is no module has changed. */
  readonly onFile: (file: string) => void;
  readonly onTrouble: (reason: string) => void;
}

/** Editors write a file in several steps, and several files at once. */
const gatherMs = 60;
/** Never sources; a build writes there. */
const ignoredNames = new Set(['node_modules', 'target', 'zig-out', '.zig-cache', '.git']);

export class Builds {
  readonly #options: BuildsOptions;
  readonly #wanted = new Set<ProjectFunction>();
  readonly #watchers: FSWatcher[] = [];
  readonly #stop = new AbortController();
  /** Of the function that is being built. */
  #current: { readonly each: ProjectFunction; readonly again: AbortController } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: BuildsOptions) {
    this.#options = options;
  }

  /** Builds all, and from then on what changes. Resolves when all have been tried once. */
  async start(): Promise<void> {
    const { functions, site } = this.#options.project;
    await Promise.all([
      ...functions.map((each) => this.#watch(each.watch, (file) => this.#changed(each, file))),
      this.#watch([site], (file) => {
        if (!file.endsWith('.wasm')) this.#options.onFile(file);
      }),
    ]);
    for (const each of functions) this.#wanted.add(each);
    await this.#run();
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stop.abort();
    await Promise.all(this.#watchers.map((watcher) => watcher.close()));
    await this.#running;
  }

  #changed(each: ProjectFunction, file: string): void {
    if (this.#isProduct(file)) return;
    this.#wanted.add(each);
    // What is being built is old already.
    if (this.#current?.each === each) this.#current.again.abort();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#run(), gatherMs);
  }

  /** What builds write themselves must not start the next. */
  #isProduct(file: string): boolean {
    const { directory, functions, site } = this.#options.project;
    if (file === site || file.startsWith(`${site}${path.sep}`)) return true;
    if (functions.some(({ output }) => output === file)) return true;
    const names = path.relative(directory, file).split(path.sep);
    return names.some((name) => ignoredNames.has(name) || name === '.terrafirma-dev');
  }

  #run(): Promise<void> {
    this.#running ??= this.#buildAll().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #buildAll(): Promise<void> {
    const { build, onResult, onTrouble } = this.#options;
    // What is wanted meanwhile comes after.
    for (const each of this.#wanted) {
      if (this.#stop.signal.aborted) return;
      this.#wanted.delete(each);
      const again = new AbortController();
      this.#current = { each, again };
      const signal = AbortSignal.any([again.signal, this.#stop.signal]);
      try {
        const result = await build(each, signal);
        if (!this.#wanted.has(each)) onResult(each, result);
      } catch (error) {
        if (!signal.aborted) onTrouble(error instanceof Error ? error.message : String(error));
      }
    }
    this.#current = undefined;
  }

  async #watch(paths: readonly string[], onChange: (file: string) => void): Promise<void> {
    const watcher = watch([...paths], {
      ignoreInitial: true,
      ignored: (file) => ignoredNames.has(path.basename(file)),
    });
    this.#watchers.push(watcher);
    watcher.on('all', (event, file) => {
      if (event !== 'addDir') onChange(file);
    });
    watcher.on('error', (error) => {
      this.#options.onTrouble(error instanceof Error ? error.message : String(error));
    });
    await new Promise<void>((resolve) => watcher.once('ready', () => resolve()));
  }
}
