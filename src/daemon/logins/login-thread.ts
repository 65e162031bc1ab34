/** Entry of the thread that checks passwords, one after another. Touches its parent's port. */
import { parentPort } from 'node:worker_threads';
import { verifyPassword } from '../../site/access.ts';
import type { CheckReply, CheckRequest } from './logins.ts';

parentPort?.on('message', ({ id, password, hash }: CheckRequest) => {
  const reply: CheckReply = { id, isRight: verifyPassword(password, hash) };
  parentPort?.postMessage(reply);
});
