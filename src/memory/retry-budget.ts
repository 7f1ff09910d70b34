// Keeps retries a small share of requests, over all workers, so that they cannot bring down what already struggles.

/** A token as counted: requests deposit fractions of it. */
const TOKEN = 1000;
/** Most retries in reserve, and what each upstream starts with. */
const MAX_TOKENS = 100;

/** Every request deposits a share of a token, every retry takes a whole one. Lock free. */
export class RetryBudget {
  readonly #balance: Int32Array;
  readonly #deposit: number;

  /** `share` of requests may be retried: 0 to 1. `balance` is one Int32 that starts at zero and means a full reserve there. */
  constructor(balance: Int32Array, share: number) {
    this.#balance = balance;
    this.#deposit = Math.round(share * TOKEN);
  }

  onRequest(): void {
    // A full reserve, the usual case, costs one plain read. Two workers may overshoot by one deposit each: harmless.
    if ((this.#balance[0] as number) < 0) Atomics.add(this.#balance, 0, this.#deposit);
  }

  /** Takes a token, if there is one. */
  tryRetry(): boolean {
    if (this.#deposit === 0) return false;
    const before = Atomics.sub(this.#balance, 0, TOKEN);
    if (before - TOKEN >= -MAX_TOKENS * TOKEN) return true;
    Atomics.add(this.#balance, 0, TOKEN);
    return false;
  }
}
