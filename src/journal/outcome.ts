/** How a run ended; the words of the log. */
export type Outcome =
  | 'replied'
  | 'exited'
  | 'trapped'
  | 'out-of-cpu'
  | 'out-of-time'
  | 'out-of-memory'
  | 'abandoned'
  /** By an operator. */
  | 'ended'
  | 'refused';
