/** Who wants to be told of which space, and what a commit has to tell them. Pure. */
import type { Notice, Space } from './contract.ts';
import type { WriteAnswer, WriteRequest } from './messages.ts';

/** `Target`: whoever is told. */
export class Watchers<Target> {
  readonly #bySpace = new Map<string, Set<Target>>();

  get isEmpty(): boolean {
    return this.#bySpace.size === 0;
  }

  add(space: Space, target: Target): void {
    const key = keyOf(space);
    const known = this.#bySpace.get(key);
    if (known === undefined) this.#bySpace.set(key, new Set([target]));
    else known.add(target);
  }

  remove(space: Space, target: Target): void {
    const key = keyOf(space);
    const known = this.#bySpace.get(key);
    known?.delete(target);
    if (known?.size === 0) this.#bySpace.delete(key);
  }

  /** Calls `tell` for everybody who watches the space of a request that wrote something. */
  tell(
    request: WriteRequest,
    answer: WriteAnswer,
    tell: (target: Target, notices: readonly Notice[]) => void,
  ): void {
    if (this.isEmpty || answer.kind !== 'done') return;
    const targets = this.#bySpace.get(keyOf(request));
    if (targets === undefined) return;
    const notices = request.writes.map(({ key }, index) => ({
      key,
      revision: answer.revisions[index] ?? 0,
    }));
    for (const target of targets) tell(target, notices);
  }

  /** Everybody. */
  *all(): Generator<Target> {
    for (const targets of this.#bySpace.values()) yield* targets;
  }
}

function keyOf({ area, name }: Space): string {
  return `${area}\n${name}`;
}
