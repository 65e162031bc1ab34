/** One check of the program that can be taken out, to see whether a test notices. */
export interface RemovableCheck {
  /** What is not limited any more. */
  readonly limit: string;
  readonly file: string;
  /** Exactly as it stands there, once. */
  readonly check: string;
  readonly instead: string;
  readonly test: string;
}
