/**
 * Deleting where the engine has no more room. What says that a key is deleted is a message too, and
 * is refused like any other; so what lies under the key is taken away first. Edge: NATS.
 */
import type { Commit } from './commit.ts';
import { EngineError, type Link, NoAnswer } from './link.ts';

const apiMs = 5_000;

/** The same commit, and nothing lies under its keys; undefined: it does not only delete. */
export async function makeRoom(link: Link, commit: Commit): Promise<Commit | undefined> {
  const { messages, stream } = commit;
  const deletes = messages.filter(({ isDelete }) => isDelete);
  const isOnlyDeletes = messages.every(({ isDelete, isUsage }) => isDelete || isUsage);
  if (!isOnlyDeletes || deletes.some(({ expected }) => !expected)) return undefined;
  for (const { expected } of deletes) {
    if (expected !== undefined && !(await hasErased(link, stream, expected))) return undefined;
  }
  return {
    ...commit,
    messages: messages.map((each) => (each.isDelete ? { ...each, expected: 0 } : each)),
  };
}

/** False where it is not there any more: somebody else wrote the key, or nobody answers. */
async function hasErased(link: Link, stream: string, sequence: number): Promise<boolean> {
  try {
    const question = { seq: sequence, no_erase: true };
    await link.ask(`STREAM.MSG.DELETE.${stream}`, question, apiMs);
    return true;
  } catch (error) {
    if (error instanceof EngineError || error instanceof NoAnswer) return false;
    throw error;
  }
}
