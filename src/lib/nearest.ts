// The right word for a mistyped one.

/** The candidate that differs least from `word`, if it is near enough to be meant, or that begins with it; else `undefined`. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  return leastDistant(word, candidates) ?? onlyContinuation(word, candidates);
}

/** `panic` for `panic-threshold`, unless there are two of the kind. */
function onlyContinuation(word: string, candidates: Iterable<string>): string | undefined {
  const found = [...candidates].filter((candidate) => candidate.startsWith(`${word.toLowerCase()}-`));
  return found.length === 1 ? found[0] : undefined;
}

function leastDistant(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that lead from `a` to `b` (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let value = Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        value = Math.min(value, (before[j - 2] as number) + 1);
      next.push(value);
    }
    before = row;
    row = next;
  }
  return row[b.length] as number;
}
