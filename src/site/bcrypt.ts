/** bcrypt hashes of `.kbp_config`, in the forms $2a$, $2b$ and $2y$. Pure. */
import { compareSync } from 'bcryptjs';

const form = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;

/** The exponent of a hash's rounds; undefined when it is no bcrypt hash. */
export function bcryptCost(hash: string): number | undefined {
  const cost = form.exec(hash)?.[1];
  return cost === undefined ? undefined : Number(cost);
}

/**
 * Whether `password` is that of `hash`. False for what is no hash. Takes 2^cost rounds on the
 * calling thread; bytes of the password past 72 do not count, as in every bcrypt.
 */
export function verifyBcrypt(password: string, hash: string): boolean {
  return form.test(hash) && compareSync(password, hash);
}
