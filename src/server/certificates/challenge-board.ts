// What answers challenges of ACME servers at the moment, and how all workers get to know it. Main thread only.
import type { ChallengeCertificate, Challenges } from '#model/challenges.ts';

export interface Added {
  readonly answers?: readonly (readonly [token: string, answer: string])[];
  readonly certificates?: readonly (readonly [name: string, pair: ChallengeCertificate])[];
}

export class ChallengeBoard {
  readonly #publish: (challenges: Challenges) => Promise<void>;
  readonly #answers = new Map<string, string>();
  readonly #certificates = new Map<string, ChallengeCertificate>();

  /** `publish` resolves when every worker knows. */
  constructor(publish: (challenges: Challenges) => Promise<void>) {
    this.#publish = publish;
  }

  /** Resolves when every worker answers so, with how to take it back. */
  async put({ answers = [], certificates = [] }: Added): Promise<() => Promise<void>> {
    for (const [token, answer] of answers) this.#answers.set(token, answer);
    for (const [name, pair] of certificates) this.#certificates.set(name, pair);
    await this.#tell();
    return async () => {
      for (const [token] of answers) this.#answers.delete(token);
      for (const [name, pair] of certificates)
        if (this.#certificates.get(name) === pair) this.#certificates.delete(name);
      await this.#tell();
    };
  }

  async #tell(): Promise<void> {
    await this.#publish({ answers: new Map(this.#answers), certificates: new Map(this.#certificates) });
  }
}
