/**
 * Versions of modules that newer ones took the place of. What is compiled of one takes 50 KiB and
 * more on each thread, however small it is, and whoever overwrites his files all the time left a
 * thousand of them behind. They go when no site serves them: another folder may have equal bytes.
 * Not at once, because requests that are on their way still want them. Pure but for the timer.
 */
import type { Digest } from '../names.ts';
import type { Site } from '../site/table.ts';

const keptMs = 10_000;
/** More than one look's worth wait for the bounds of the caches. */
const digestsMax = 10_000;

export interface SupersededOptions {
  /** Those that are known now. */
  readonly sites: () => Iterable<Site | undefined>;
  readonly forget: (digest: Digest) => void;
}

export class Superseded {
  readonly #options: SupersededOptions;
  #digests = new Set<Digest>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SupersededOptions) {
    this.#options = options;
  }

  /** What `before` served and `after` does not may be nobody's any more. */
  note(before: Site, after: Site): void {
    for (const [modulePath, module] of before.modules) {
      if (module.kind !== 'serving' || this.#digests.size >= digestsMax) continue;
      const now = after.modules.get(modulePath);
      if (now?.kind === 'serving' && now.digest === module.digest) continue;
      this.#digests.add(module.digest);
      this.#timer ??= setTimeout(() => this.#look(), keptMs).unref();
    }
  }

  #look(): void {
    this.#timer = undefined;
    const left = this.#digests;
    this.#digests = new Set();
    for (const site of this.#options.sites()) {
      for (const module of site?.modules.values() ?? []) {
        if (module.kind !== 'serving') continue;
        left.delete(module.digest);
        for (const { digest } of module.versions ?? []) left.delete(digest);
      }
    }
    for (const digest of left) this.#options.forget(digest);
  }
}
