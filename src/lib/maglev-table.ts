// Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4): a look-up costs one read, shares are nearly exact, and a change of the
// members moves few keys besides those it must. Weighted as Envoy does it: a member of half the weight gets its turn half as often.
import { hash64, hashHalves } from './hash.ts';
import { type PreferenceTable, SeenMembers, type WeightedMember } from './preference-table.ts';

/** The sizes of the paper; primes, so that every step visits every slot. */
export const MAGLEV_SIZE = 65_537;
export const LARGE_MAGLEV_SIZE = 655_373;

const SEED_LOW = 0x6d61676c;
const SEED_HIGH = 0x65760001;
const FREE = 0xffff;

interface Permutation {
  readonly member: number;
  readonly weight: number;
  readonly skip: number;
  /** Next slot to ask for. */
  at: number;
  /** Turns it has had, in units of the largest weight. */
  due: number;
}

export class MaglevTable implements PreferenceTable {
  readonly size: number;
  readonly #slots: Uint16Array;
  readonly #seen: SeenMembers;

  /** At most 65,534 members; none is possible too. `size` is a prime well above their number. */
  constructor(members: readonly WeightedMember[], size = MAGLEV_SIZE) {
    if (members.length >= FREE) throw new RangeError('a Maglev table holds at most 65,534 members');
    this.size = size;
    this.#slots = new Uint16Array(size).fill(FREE);
    this.#seen = new SeenMembers(members.length);
    if (members.length > 0) this.#populate(members);
  }

  /** The member of a slot. */
  memberAt(slot: number): number {
    return this.#slots[slot] as number;
  }

  walk(low: number, high: number, accept: (member: number, step: number) => boolean): void {
    const seen = this.#seen;
    seen.begin();
    let slot = (low >>> 0) % this.size;
    // It may seem enough to go on to the next slot; however, a member's slots are evenly spaced, so that who comes behind whom is
    // anything but even.
    const stride = ((high >>> 0) % (this.size - 1)) + 1;
    for (let step = 0; step < this.size && !seen.all; step++) {
      const member = this.#slots[slot] as number;
      seen.mark(member);
      if (accept(member, step)) return;
      slot = (slot + stride) % this.size;
    }
  }

  /** Members take turns; each takes the next free slot of its own permutation. */
  #populate(members: readonly WeightedMember[]): void {
    const largest = Math.max(...members.map(({ weight }) => weight));
    const permutations = members.map((member, index) => this.#permutation(member, index));
    for (let turn = 1, filled = 0; ; turn++) {
      for (const permutation of permutations) {
        if (turn * permutation.weight < permutation.due) continue;
        permutation.due += largest;
        this.#takeSlot(permutation);
        if (++filled === this.size) return;
      }
    }
  }

  #takeSlot(permutation: Permutation): void {
    while (this.#slots[permutation.at] !== FREE) permutation.at = (permutation.at + permutation.skip) % this.size;
    this.#slots[permutation.at] = permutation.member;
  }

  #permutation({ name, weight }: WeightedMember, member: number): Permutation {
    hash64(name, SEED_LOW, SEED_HIGH);
    const at = ((hashHalves[0] as number) >>> 0) % this.size;
    const skip = (((hashHalves[1] as number) >>> 0) % (this.size - 1)) + 1;
    return { member, weight, skip, at, due: 0 };
  }
}
