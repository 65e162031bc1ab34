/** The time-out is a ceiling for broken runs, not a measure: a loaded machine may take long. */
const waitMsMax = 100_000;

/** Asks again until `check` throws no longer; then rejects with what it threw last. */
export async function untilHolds(check: () => unknown): Promise<void> {
  const deadlineMs = performance.now() + waitMsMax;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
