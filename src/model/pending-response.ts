// A response that is to come, as the handlers of the hot path give it: what a promise is, without its objects and its turns of the
// queue of microtasks. Whoever is not on the hot path awaits it like a promise.
import type { Response } from './message.ts';

/** Whoever waits for a response: one of the two is called, once. */
export interface ResponseTaker {
  responded(response: Response): void;
  failed(error: unknown): void;
}

export class PendingResponse implements PromiseLike<Response> {
  #taker: ResponseTaker | undefined = undefined;
  #response: Response | undefined = undefined;
  #error: unknown = undefined;
  #isSettled = false;

  /** The response has come; only the first outcome counts. */
  resolve(response: Response): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#response = response;
    this.#taker?.responded(response);
  }

  /** There will be none; only the first outcome counts. */
  reject(error: unknown): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#error = error;
    this.#taker?.failed(error);
  }

  /** Tells `taker` of the outcome: during this call if it is there, else as soon as it comes, and in the midst of what brings it. */
  deliver(taker: ResponseTaker): void {
    if (this.#response) taker.responded(this.#response);
    else if (this.#isSettled) taker.failed(this.#error);
    else this.#taker = this.#taker ? both(this.#taker, taker) : taker;
  }

  /** The same with another response; what `change` throws takes its place. */
  map(change: (response: Response) => Response): PendingResponse {
    const changed = new PendingResponse();
    this.deliver({
      responded(response) {
        let result: Response;
        try {
          result = change(response);
        } catch (error) {
          changed.reject(error);
          return;
        }
        // Outside: what a taker throws is no failure of the change, and is to be seen.
        changed.resolve(result);
      },
      failed: (error) => changed.reject(error),
    });
    return changed;
  }

  // biome-ignore lint/suspicious/noThenProperty: `await` is to take it
  then<Result = Response, Failure = never>(
    onResponse?: ((response: Response) => Result | PromiseLike<Result>) | null,
    onFailure?: ((error: unknown) => Failure | PromiseLike<Failure>) | null,
  ): Promise<Result | Failure> {
    const promise = new Promise<Response>((resolve, reject) => {
      this.deliver({ responded: resolve, failed: reject });
    });
    return promise.then(onResponse, onFailure);
  }
}

function both(first: ResponseTaker, second: ResponseTaker): ResponseTaker {
  return {
    responded(response) {
      first.responded(response);
      second.responded(response);
    },
    failed(error) {
      first.failed(error);
      second.failed(error);
    },
  };
}
