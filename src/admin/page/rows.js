// Table rows, lists and sparklines of the status page. Text goes in as text, never as markup.
import { SAMPLES } from './rate.js';

const SVG = 'http://www.w3.org/2000/svg';

/** Makes the children of `parent` those of `items`, by name and in order, keeping elements so that focus and scroll stay. */
export function keepRows(parent, items, create, fill) {
  const old = new Map([...parent.children].map((child) => [child.dataset.name, child]));
  const rows = items.map((item) => {
    const row = old.get(item.name) ?? create();
    row.dataset.name = item.name;
    fill(row, item);
    return row;
  });
  const same = rows.length === parent.children.length && rows.every((row, index) => parent.children[index] === row);
  if (!same) parent.replaceChildren(...rows);
}

/** A table row whose first cell is its heading. */
export function createRow(classes) {
  const row = document.createElement('tr');
  for (const [index, name] of classes.entries()) row.append(element(index === 0 ? 'th' : 'td', name));
  row.firstChild.scope = 'row';
  return row;
}

export function element(tag, className, text = '') {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.textContent = text;
  return made;
}

export function createSpark() {
  const spark = document.createElementNS(SVG, 'svg');
  spark.setAttribute('class', 'spark');
  spark.setAttribute('aria-hidden', 'true');
  return spark;
}

export function drawSpark(spark, samples) {
  if (spark.firstChild === null) {
    spark.setAttribute('viewBox', `0 0 ${SAMPLES - 1} 20`);
    spark.setAttribute('preserveAspectRatio', 'none');
    spark.append(document.createElementNS(SVG, 'path'));
  }
  const top = Math.max(1, ...samples);
  const start = SAMPLES - samples.length;
  const points = samples.map((sample, index) => `${start + index} ${(19 - (sample / top) * 18).toFixed(1)}`);
  spark.firstChild.setAttribute('d', points.length > 1 ? `M${points.join('L')}` : '');
}
