/**
 * The rule by which whatever is limited in all is shared: an owner may hold as much as is left for
 * everybody (the threshold of Choudhury and Hahne, 1998). One owner alone gets half, two greedy
 * ones a third each, and something is always left for whoever has nothing yet. With its last piece
 * an owner may go beyond that once, so pieces are to be small beside the whole. Pure.
 */
export function mayHold(stock: {
  /** What there is in all. */
  readonly max: number;
  /** What all owners hold together. */
  readonly held: number;
  /** What the owner holds of it. */
  readonly own: number;
  /** What the owner wants beside. */
  readonly added: number;
}): boolean {
  const { max, held, own, added } = stock;
  return held + added <= max && own <= max - held;
}
