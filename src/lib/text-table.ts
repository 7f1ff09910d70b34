// Tables for a terminal.

/** Columns two spaces apart; those that hold numbers in the first row at the right, the others at the left. */
export function formatTable(titles: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => String(row[column]).length)),
  );
  const isNumber = titles.map((_, column) => typeof rows[0]?.[column] === 'number');
  const lines = [titles, ...rows].map((row) =>
    row.map((cell, column) => {
      const text = String(cell);
      const width = widths[column] ?? 0;
      return isNumber[column] ? text.padStart(width) : text.padEnd(width);
    }),
  );
  return lines.map((cells) => cells.join('  ').trimEnd()).join('\n');
}
