// The hash ring (Karger et al., STOC 1997): each member owns points of a circle in proportion to its weight, and a key belongs to the
// next point behind it. A member that comes or goes moves the keys of its own points and no others.
import { hash64, hashHalves } from './hash.ts';
import { type PreferenceTable, SeenMembers, type WeightedMember } from './preference-table.ts';

/** Points of a member of the least weight: the more, the more even the shares (with 160 their standard deviation is some 8 %). */
const POINTS = 160;
/** Bounds the memory where weights differ much. */
const MAX_POINTS = 262_144;

const SEED_LOW = 0x72696e67;
const SEED_HIGH = 0x00000001;

export class RingTable implements PreferenceTable {
  /** Places on the circle in ascending order, and who owns them. */
  readonly #places: Uint32Array;
  readonly #owners: Uint32Array;
  readonly #seen: SeenMembers;

  constructor(members: readonly WeightedMember[]) {
    const points = members.flatMap((member, owner) => pointsOf(member, pointsPerWeight(members), owner));
    points.sort((a, b) => a.place - b.place || (a.name < b.name ? -1 : 1));
    this.#places = Uint32Array.from(points, ({ place }) => place);
    this.#owners = Uint32Array.from(points, ({ owner }) => owner);
    this.#seen = new SeenMembers(members.length);
  }

  walk(low: number, _high: number, accept: (member: number, step: number) => boolean): void {
    const seen = this.#seen;
    seen.begin();
    const { length } = this.#places;
    const first = this.#after(low >>> 0);
    for (let step = 0; step < length && !seen.all; step++) {
      const owner = this.#owners[(first + step) % length] as number;
      seen.mark(owner);
      if (accept(owner, step)) return;
    }
  }

  /** Index of the first point at `place` or behind it. */
  #after(place: number): number {
    let from = 0;
    let to = this.#places.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#places[middle] as number) < place) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

interface Point {
  readonly place: number;
  readonly owner: number;
  readonly name: string;
}

function pointsOf({ name, weight }: WeightedMember, perWeight: number, owner: number): Point[] {
  const count = Math.max(1, Math.round(weight * perWeight));
  return Array.from({ length: count }, (_, i) => {
    hash64(`${name}#${i}`, SEED_LOW, SEED_HIGH);
    return { place: (hashHalves[0] as number) >>> 0, owner, name };
  });
}

/**
 * Depends on the greatest common divisor of the weights and, in powers of two, on their sum: so that members that come and go
 * hardly ever change how many points the others have.
 */
function pointsPerWeight(members: readonly WeightedMember[]): number {
  const divisor = members.reduce((common, { weight }) => greatestCommonDivisor(common, weight), 0) || 1;
  const total = members.reduce((sum, { weight }) => sum + weight, 0);
  let perWeight = POINTS / divisor;
  while (perWeight * total > MAX_POINTS) perWeight /= 2;
  return perWeight;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
