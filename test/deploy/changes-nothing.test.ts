/**
 * A refused, broken or half-written file changes nothing about what is served, whatever was done
 * before: sequences of good deeds, drawn at random, with a bad one after each.
 */
import { lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestBytes } from '../../src/deploy/build/artifact.ts';
import { rollBack } from '../../src/deploy/keep/versions.ts';
import { guestBytes, padded, TestFolder } from '../support/folder.ts';
import { locate, pathOf, Scratch, until, World } from './world.ts';

const NAME = 'app.wasm';
const GOOD = guestBytes('v1');

/** Numbers from 0 to 1, always the same for one seed (mulberry32). */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Story implements AsyncDisposable {
  readonly #scratch: Scratch;
  readonly #folder: TestFolder;
  readonly #random: () => number;
  #world: World;
  #versions = 0;
  #marks = 0;
  #lastBad = '';
  /** Told when the story fails. */
  readonly deeds: string[] = [];

  private constructor(scratch: Scratch, world: World, seed: number) {
    this.#scratch = scratch;
    this.#folder = new TestFolder(scratch.directory);
    this.#world = world;
    this.#random = makeRandom(seed);
  }

  static async begin(scratch: Scratch, seed: number): Promise<Story> {
    const world = await World.open({ stateDirectory: scratch.path('state') });
    return new Story(scratch, world, seed);
  }

  async served(): Promise<string | undefined> {
    const site = await this.#world.publisher.siteOf(locate(this.#folder.directory));
    const module = site.modules.get(pathOf(NAME));
    return module?.kind === 'serving' ? module.digest : undefined;
  }

  /** One good deed; resolves when it is served. */
  async doGood(): Promise<void> {
    const isServing = (await this.served()) !== undefined;
    const choice = this.#random();
    if (isServing && choice < 0.2) return this.#delete();
    if (isServing && choice < 0.5) return this.#rollBack();
    return this.#deploy(choice < 0.7 ? 'write' : choice < 0.85 ? 'replace' : 'link');
  }

  /** One bad deed, another than the last; resolves when it has been noticed. */
  async doBad(): Promise<void> {
    this.#marks += 1;
    const mark = this.#marks * 10;
    const outside = this.#scratch.path('outside.wasm');
    writeFileSync(outside, guestBytes('v2'));
    const path = this.#folder.path(NAME);
    const bads = {
      cut: () => this.#folder.write(NAME, padded(GOOD, mark).subarray(0, -1)),
      garbage: () => this.#folder.replace(NAME, `no module at all ${mark}`),
      refused: () => this.#folder.write(NAME, padded(guestBytes('imports-unknown'), mark)),
      short: () => this.#folder.write(NAME, String(mark)),
      directory: () => mkdirSync(path),
      'link that leads out': () => symlinkSync(outside, path),
      'link that leads nowhere': () => symlinkSync('nowhere', path),
    };
    const others = Object.keys(bads).filter(
      (name) => name !== this.#lastBad,
    ) as (keyof typeof bads)[];
    const bad = others[Math.floor(this.#random() * others.length)] ?? 'cut';
    this.#lastBad = bad;
    this.deeds.push(`bad: ${bad}`);
    const wasServed = (await this.served()) !== undefined;
    const toldBefore = this.#complaints();
    const isFile = lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
    // In place where a file stands: that is how half of one is seen.
    if (!isFile || bad === 'directory' || bad.startsWith('link')) this.#clear();
    bads[bad]();
    // Where nothing was served, these are nobody's module, and nothing is said of them.
    const isNothing = bad === 'directory' || bad === 'link that leads nowhere';
    if (wasServed || !isNothing) await until(() => this.#complaints() > toldBefore);
  }

  #complaints(): number {
    return this.#world.journal.matching(/module refused|file not served/).length;
  }

  async restart(): Promise<void> {
    this.deeds.push('restart');
    await this.#world[Symbol.asyncDispose]();
    this.#world = await World.open({ stateDirectory: this.#scratch.path('state') });
  }

  async #deploy(how: 'write' | 'replace' | 'link'): Promise<void> {
    this.#versions += 1;
    const bytes = padded(GOOD, this.#versions);
    this.deeds.push(`deploy ${this.#versions} by ${how}`);
    this.#clear();
    if (how === 'link') {
      const target = `releases/${this.#versions}.txt`;
      this.#folder.write(target, bytes);
      symlinkSync(target, this.#folder.path(NAME));
    } else if (how === 'write') this.#folder.write(NAME, bytes);
    else this.#folder.replace(NAME, bytes);
    await this.#untilServed(digestBytes(bytes));
  }

  async #delete(): Promise<void> {
    this.deeds.push('delete');
    this.#clear();
    await this.#untilServed(undefined);
  }

  async #rollBack(): Promise<void> {
    const [module] = await this.#world.publisher.versions(`/folder/${NAME}`);
    const versions = module?.versions ?? [];
    const chosen = versions[Math.floor(this.#random() * versions.length)];
    if (chosen === undefined) throw new RangeError('nothing is kept');
    const digestStart = chosen.digest.slice(0, 16);
    this.deeds.push(`roll back to ${digestStart}`);
    const target = { name: `/folder/${NAME}`, digestStart };
    await rollBack(this.#scratch.path('state'), target, this.#world.journal);
    await this.#untilServed(chosen.digest);
  }

  async #untilServed(digest: string | undefined): Promise<void> {
    await until(async () => (await this.served()) === digest);
  }

  #clear(): void {
    rmSync(this.#folder.path(NAME), { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#world[Symbol.asyncDispose]();
  }
}

describe('a bad file', () => {
  let scratch: Scratch;
  beforeEach(() => {
    scratch = new Scratch();
  });
  afterEach(() => {
    scratch[Symbol.dispose]();
  });

  test.each([1, 2, 3])('changes nothing about what is served, story %i', async (seed) => {
    await using story = await Story.begin(scratch, seed);
    const random = makeRandom(seed * 1_000);
    for (let round = 0; round < 8; round += 1) {
      await story.doGood();
      const served = await story.served();
      await story.doBad();
      expect([await story.served(), story.deeds]).toEqual([served, story.deeds]);
      if (random() < 0.4) await story.restart();
      expect([await story.served(), story.deeds]).toEqual([served, story.deeds]);
    }
  });
});
