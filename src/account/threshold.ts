/**
 * The rule by which whatever is limited in all is shared: an owner may hold as much as is left for
 * everybody (the threshold of Choudhury and Hahne, 1998). One owner alone gets half; two that take
 * at the same time a third each. Something is always left for whoever has nothing yet, but less
 * with each that came before and keeps what it has: a half, a quarter, an eighth. So what is kept
 * for long has a quota for each owner beside this rule. With its last piece an owner may go beyond
 * it once, so pieces are to be small beside the whole. Pure.
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
