/** The part of autocannon that the benchmarks use; the package has no types of its own. */
declare module 'autocannon' {
  interface Result {
    readonly requests: { readonly average: number };
    readonly latency: { readonly p50: number; readonly p99: number };
    readonly errors: number;
    readonly timeouts: number;
    readonly non2xx: number;
  }

  function autocannon(options: {
    readonly url: string;
    readonly connections: number;
    readonly duration: number;
    /** Seconds that an answer may take. */
    readonly timeout?: number;
    readonly headers?: Readonly<Record<string, string>>;
  }): Promise<Result>;

  export default autocannon;
}
