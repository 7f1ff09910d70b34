// Reads Priority (RFC 9218 4).
export function parsePriority(text: string): { urgency: number; incremental: boolean } {
  const urgency = /(?:^|,)\s*u=([0-7])\s*(?:$|[,;])/.exec(text)?.[1];
  return {
    urgency: urgency === undefined ? 3 : Number(urgency),
    incremental: /(?:^|,)\s*i\s*(?:=\?1)?\s*(?:$|[,;])/.test(text),
  };
}
