/** One end of a stream or a future in the hands of a guest (CanonicalABI.md, "Stream State"). */
import type { ElementType, GuestBuffer } from './guest-buffer.ts';
import {
  type Copy,
  type CopyResult,
  copyResults,
  type ReadableSide,
  type WritableSide,
} from './sides.ts';
import { eventCodes, type GuestEvent, type GuestNews, type OnEvent, Waitable } from './waitable.ts';

export type EndKind = 'stream' | 'future';

export interface EndOptions {
  readonly kind: EndKind;
  readonly element: ElementType;
  /** Component instance whose handle it is. */
  readonly instance: number;
  readonly onEvent: OnEvent;
}

const cancelled: CopyResult = copyResults.cancelled;
/** Elements copied stand above the result. */
const progressShift = 4;

/** One copy, with its news in it: three functions in its place would be made for each. */
class EndCopy implements Copy, GuestNews {
  readonly buffer: GuestBuffer;
  readonly instance: number;
  readonly #end: CopyEnd;
  #reclaim: (() => void) | undefined;
  #finish: (() => CopyResult) | undefined;
  #result: CopyResult = copyResults.completed;

  constructor(end: CopyEnd, instance: number, buffer: GuestBuffer) {
    this.#end = end;
    this.instance = instance;
    this.buffer = buffer;
  }

  onProgress(reclaim: () => void): void {
    this.#reclaim = reclaim;
    this.#end.tell(this, false);
  }

  onDone(finish: () => CopyResult): void {
    this.#reclaim = undefined;
    this.#finish = finish;
    this.#end.tell(this, true);
  }

  done(result: CopyResult): void {
    this.#reclaim = undefined;
    this.#finish = undefined;
    this.#result = result;
    this.#end.tell(this, true);
  }

  take(): GuestEvent {
    this.#reclaim?.();
    return this.#end.finish(this.#finish?.() ?? this.#result, this.buffer);
  }
}

export abstract class CopyEnd extends Waitable {
  readonly kind: EndKind;
  readonly element: ElementType;
  readonly #instance: number;
  #state: 'idle' | 'copying' | 'cancelling' | 'done' = 'idle';
  /** Some was copied, and more may follow until the guest takes the news of it. */
  #isUnderWay = false;
  /** What the guest calls it. */
  handle = 0;

  constructor({ kind, element, instance, onEvent }: EndOptions) {
    super(onEvent);
    this.kind = kind;
    this.element = element;
    this.#instance = instance;
  }

  get isIdle(): boolean {
    return this.#state === 'idle';
  }

  get isDone(): boolean {
    return this.#state === 'done';
  }

  /** Whether a copy is under way that may still be cancelled. */
  get isCancellable(): boolean {
    return this.#state === 'copying' && !this.isAwaited;
  }

  get isCopying(): boolean {
    return this.#state === 'copying' || this.#state === 'cancelling';
  }

  /** What it has done is told by its event, which may be there at once. */
  begin(buffer: GuestBuffer): void {
    this.#state = 'copying';
    this.copy(new EndCopy(this, this.#instance, buffer));
  }

  /** For its copy: there is news, which may be the last. */
  tell(copy: EndCopy, isOver: boolean): void {
    this.#isUnderWay = !isOver;
    this.setEvent(copy);
  }

  /** What was copied already is told as what was cancelled; one that is over stays so. */
  cancel(): void {
    this.#state = 'cancelling';
    if (!this.hasEvent || this.#isUnderWay) this.cancelCopy();
  }

  /** The guest gives it up, in good order. */
  abstract close(): void;
  protected abstract readonly eventCode: number;
  protected abstract copy(copy: Parameters<ReadableSide['read']>[0]): void;
  protected abstract cancelCopy(): void;

  /** For its copy: the guest takes the news. */
  finish(result: CopyResult, buffer: GuestBuffer): GuestEvent {
    this.#isUnderWay = false;
    const isFuture = this.kind === 'future';
    const isOver = isFuture ? result !== cancelled : result === copyResults.dropped;
    this.#state = isOver ? 'done' : 'idle';
    const payload = isFuture ? result : result | (buffer.progress << progressShift);
    return [this.eventCode, this.handle, payload];
  }
}

export class ReadableEnd extends CopyEnd {
  readonly side: ReadableSide;

  constructor(side: ReadableSide, options: EndOptions) {
    super(options);
    this.side = side;
  }

  protected get eventCode(): number {
    return this.kind === 'stream' ? eventCodes.streamRead : eventCodes.futureRead;
  }

  protected copy(copy: Parameters<ReadableSide['read']>[0]): void {
    this.side.read(copy);
  }

  protected cancelCopy(): void {
    this.side.cancelRead();
  }

  close(): void {
    super.drop();
    this.side.closeReader();
  }

  override drop(): void {
    super.drop();
    this.side.closeReader();
  }
}

export class WritableEnd extends CopyEnd {
  readonly side: WritableSide;

  constructor(side: WritableSide, options: EndOptions) {
    super(options);
    this.side = side;
  }

  protected get eventCode(): number {
    return this.kind === 'stream' ? eventCodes.streamWrite : eventCodes.futureWrite;
  }

  protected copy(copy: Parameters<WritableSide['write']>[0]): void {
    this.side.write(copy);
  }

  protected cancelCopy(): void {
    this.side.cancelWrite();
  }

  close(): void {
    super.drop();
    this.side.closeWriter();
  }

  /** The run is over, and whoever reads sees that this is not whole. */
  override drop(): void {
    super.drop();
    this.side.abandon();
  }
}
