// The page that the demo's origins serve through the gateway: says who answered, and shows balancing live in the browser.

/** HTML of the page as the origin called `name` serves it. Both values come from the demo itself. */
export function renderPage(name: string, delayMs: number): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Served by ${name} through Tidegate</title>
<style>${STYLE}</style>
<main>
<p class="quiet">This page came through Tidegate. It was served by the origin</p>
<h1>${name}</h1>
<p class="quiet">which takes ${delayMs === 0 ? 'no time' : `${delayMs} ms`} for an answer. Reload, and another one may answer.</p>
<h2>Balanced, live</h2>
<p>This page asks <code>/api/whoami</code> ten times a second. The balancer takes the better of two endpoints, so the slower ones get less.</p>
<table><thead><tr><th>Origin<th>Share<th class="number">Answers<th class="number">Average</thead><tbody id="tally"></tbody></table>
<p id="errors" class="quiet">No errors so far.</p>
<h2>More routes</h2>
<ul>
<li><a href="/hello">/hello</a> answered by the gateway itself</li>
<li><a href="/limited">/limited</a> two requests a second, then 429</li>
<li><a href="/private">/private</a> needs a password: demo, demo</li>
<li><a href="/old">/old</a> redirects to a new place</li>
<li><a href="/nothing-here">/nothing-here</a> how a refusal looks</li>
</ul>
<p class="quiet">What else to try stands on the terminal where the demo runs.</p>
</main>
<script>${SCRIPT}</script>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#dbe3e6, #2b3d45); --accent: light-dark(#0b6e75, #4cc3cb); }
body { margin: 0; background: light-dark(#f4f7f8, #0d1518); color: light-dark(#15232a, #e3ecef); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 640px; margin: 0 auto; padding: 40px 20px; }
h1 { font-size: 44px; line-height: 1.1; margin: 4px 0; color: var(--accent); }
h2 { font-size: 18px; margin: 34px 0 6px; }
p { margin: 0 0 8px; }
a { color: var(--accent); }
.quiet { opacity: 0.75; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 6px 8px; border-bottom: 1px solid var(--line); }
.number { text-align: right; }
meter { width: 100%; min-width: 90px; }
ul { padding-left: 20px; margin: 0 0 16px; }
`;

const SCRIPT = `
const tally = new Map();
let errors = 0;
async function ask() {
  const start = performance.now();
  try {
    const response = await fetch('/api/whoami', { cache: 'no-store' });
    if (!response.ok) throw new Error('status ' + response.status);
    const { origin } = await response.json();
    const entry = tally.get(origin) ?? { answers: 0, ms: 0 };
    tally.set(origin, { answers: entry.answers + 1, ms: entry.ms + performance.now() - start });
  } catch (error) {
    errors += 1;
    document.getElementById('errors').textContent = errors + ' errors, the last one: ' + error.message;
  }
  draw();
}
function draw() {
  const rows = [...tally].sort().map(([origin, { answers, ms }]) => {
    const row = document.createElement('tr');
    const share = document.createElement('meter');
    share.max = Math.max(...[...tally.values()].map((entry) => entry.answers));
    share.value = answers;
    for (const content of [origin, share, String(answers), Math.round(ms / answers) + ' ms']) {
      const cell = document.createElement('td');
      if (row.children.length > 1) cell.className = 'number';
      cell.append(content);
      row.append(cell);
    }
    return row;
  });
  document.getElementById('tally').replaceChildren(...rows);
}
setInterval(() => { if (!document.hidden) ask(); }, 100);
`;
