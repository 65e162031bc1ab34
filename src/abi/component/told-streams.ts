/** Streams of bytes of WASI 0.3, with futures beside them that tell how they ended. */
import { failed, ok } from './results.ts';
import { type ByteSink, type ByteSource, noSource } from './streams.ts';
import { HostFuture, HostStream, pump, type StreamSide } from './tasks/host-sides.ts';
import { type Outside, SharedStream, type StreamSink } from './tasks/shared-stream.ts';

/** As the interface's `error-code` has it. */
export interface ToldAs {
  codeOf(error: unknown): unknown;
  readonly brokenPipe: unknown;
}

/** All of a source, and `result<_, error-code>`. */
export function readAll(
  source: ByteSource,
  told: ToldAs,
  outside: Outside,
): readonly [HostStream, HostFuture] {
  const result = new HostFuture(outside);
  const telling = new TellingSource({ source, result, told });
  return [new HostStream(telling, outside), result];
}

interface Reading {
  readonly source: ByteSource;
  /** Gets `result<_, error-code>`. */
  readonly result: HostFuture;
  readonly told: ToldAs;
}

class TellingSource implements ByteSource {
  readonly #reading: Reading;

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  get isReady(): boolean {
    return this.#reading.source.isReady;
  }

  whenReady(): Promise<void> {
    return this.#reading.source.whenReady();
  }

  take(bytesMax: number): Uint8Array | undefined {
    const { source, result, told } = this.#reading;
    try {
      const bytes = source.take(bytesMax);
      if (bytes?.length === 0) result.settle(ok());
      return bytes;
    } catch (error) {
      result.settle(failed(told.codeOf(error)));
      throw error;
    }
  }

  close(): void {
    const { source, result } = this.#reading;
    source.close?.();
    result.settle(ok());
  }
}

interface Writing {
  readonly sink: ByteSink;
  /** Gets `result<_, error-code>`. */
  readonly result: HostFuture;
  readonly told: ToldAs;
}

/** All that `data` has goes to the sink. */
export function writeAll(data: StreamSide, writing: Writing): void {
  const sink = new TellingSink(writing);
  if (data instanceof SharedStream) data.attach(sink);
  else void pump(data.release() ?? noSource, sink);
}

/** Where a guest's stream is written to. */
class TellingSink implements StreamSink {
  readonly #sink: ByteSink;
  readonly #result: HostFuture;
  readonly #told: ToldAs;

  constructor({ sink, result, told }: Writing) {
    this.#sink = sink;
    this.#result = result;
    this.#told = told;
  }

  get room(): number | undefined {
    const { room } = this.#sink;
    if (room === undefined) this.#result.settle(failed(this.#told.brokenPipe));
    return room;
  }

  whenReady(): Promise<void> {
    return this.#sink.whenReady();
  }

  /** @throws what broke the sink off */
  write(bytes: Uint8Array): void {
    try {
      this.#sink.write(bytes);
    } catch (error) {
      this.#result.settle(failed(this.#told.codeOf(error)));
      throw error;
    }
  }

  end(): void {
    this.#sink.flush();
    this.#result.settle(ok());
  }

  abandon(): void {
    this.#result.settle(failed(this.#told.brokenPipe));
  }
}
