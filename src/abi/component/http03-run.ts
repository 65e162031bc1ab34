/** One run of a component that answers by `wasi:http/handler` 0.3. */
import type { Limits } from '../../config/config.ts';
import type { Run } from '../abi.ts';
import { guestPathOf } from '../objects/guest-path.ts';
import { nameOf, statusOf } from './error-codes.ts';
import type { ComponentGuest } from './guest.ts';
import { answeredLength, declaredLength, newBody, OutgoingBody } from './http-bodies.ts';
import { headersToSend } from './http-reply.ts';
import { HttpRun } from './http-run.ts';
import { Request, type Response } from './http03-messages.ts';
import type { Variant } from './results.ts';

const nsPerMs = 1_000_000n;

export class Http03Run extends HttpRun {
  readonly #exchange: Run['exchange'];
  readonly #isForSpin: boolean;
  #guest: ComponentGuest | undefined;
  #isWhole = false;
  #hasWaited = false;
  #stopRest: (() => void) | undefined;

  constructor(run: Run, limits: Limits, isForSpin = false) {
    super(run, limits, isForSpin);
    this.#exchange = run.exchange;
    this.#isForSpin = isForSpin;
  }

  override parameters(guest: ComponentGuest): readonly unknown[] {
    this.#guest = guest;
    const { modulePath } = this.capabilities.settings;
    const path = guestPathOf(this.#exchange.request, modulePath);
    return [Request.of(guest, this.#exchange, { path, isForSpin: this.#isForSpin })];
  }

  /** The answer is there; its body may still be to come. */
  override answer(guest: ComponentGuest, { tag, value }: Variant): undefined {
    this.reply.listener = this;
    if (tag !== 0) {
      const error = value as Variant;
      const detail = typeof error.value === 'string' ? `: ${error.value}` : '';
      this.capabilities.log.write('warn', `answered with ${nameOf(error)}${detail}`);
      this.reply.refuse(statusOf(error));
      return;
    }
    const response = value as Response;
    const { status, fields } = response;
    const declared = declaredLength(fields);
    const limit = this.limits.replyBodyBytesMax;
    const how = { declared: answeredLength(guest, fields), limit };
    const body = new OutgoingBody(newBody(guest), how);
    this.reply.set({ status, headers: headersToSend(fields) }, body, declared);
    response.take().send(body);
  }

  /** Nothing of the answer is still to come from the guest. */
  onWhole(): void {
    this.#isWhole = true;
    const guest = this.#guest;
    // While its code runs there is nothing to limit yet: most of it ends before it waits again.
    const isWaiting = this.#hasWaited && guest?.tasks.threads.current === undefined;
    if (isWaiting && guest !== undefined) this.#limitRest(guest);
  }

  override beforeWait(): void {
    super.beforeWait();
    this.#hasWaited = true;
    if (this.#isWhole && this.#guest !== undefined) this.#limitRest(this.#guest);
  }

  override release(): void {
    this.#stopRest?.();
    super.release();
  }

  /**
   * What it does after its answer may take so long, from the first time that it waits: nearly all
   * end before, and one that computes is bounded by its CPU time.
   */
  #limitRest({ tasks }: ComponentGuest): void {
    if (this.#stopRest !== undefined) return;
    const { afterReplyMsMax } = this.limits;
    const rule = `at most ${afterReplyMsMax} ms after the answer`;
    const delayNs = BigInt(afterReplyMsMax) * nsPerMs;
    this.#stopRest = this.capabilities.timer.start(delayNs, () => {
      tasks.threads.fail(new Error(`Cannot go on: ${rule}: received more`));
    });
  }
}
